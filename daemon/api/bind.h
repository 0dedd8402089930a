#pragma once
// From a request to its handler: the route table's names are bound to functions, access is checked, and whatever a
// handler throws becomes LXD's error reply.

#include "daemon/api/context.h"
#include "daemon/http/message.h"

namespace api {

/// The handler of the HTTP server. `context` must outlive it.
http::Handler bind(Context& context);
/// Whether every route of the table has a function; for the test that walks it.
bool is_bound(std::string_view route_name);

} // namespace api
