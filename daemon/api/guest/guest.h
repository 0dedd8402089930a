#pragma once
// The guest API, /dev/lxd/sock: what programs in a container may ask of the daemon, and only about their own. Its
// answers are LXD's: bare JSON, or text, without the envelope of the other API.

#include "daemon/api/context.h"
#include "daemon/http/message.h"
#include "daemon/http/server.h"

namespace api {

/// The handler for the guests' server. `context` must outlive it.
http::Handler bind_guest(Context& context);
/// Bounds for strangers.
http::Server::Options guest_options();

} // namespace api
