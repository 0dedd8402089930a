#pragma once
// From an HTTP connection to a stream of another protocol, whose other end is a socket of the handler's. Called by the
// connection.

#include <memory>
#include <string>

#include "daemon/http/core.h"
#include "daemon/http/message.h"
#include "daemon/http/stream.h"

namespace http {

/// Answers the upgrade and moves bytes both ways until either side has ended. `input` is what was read past the
/// request.
void start_tunnel(const std::shared_ptr<Core>& core, const std::shared_ptr<IoThread>& io, const std::string& group,
                  std::unique_ptr<Stream> stream, std::string input, const Response::Tunnel& wanted);

} // namespace http
