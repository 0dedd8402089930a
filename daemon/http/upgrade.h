#pragma once
// From an HTTP connection to a websocket. Called by the connection; keeps Beast's websocket templates in one file.

#include <functional>
#include <memory>
#include <string>

#include "daemon/http/core.h"
#include "daemon/http/request_parser.h"
#include "daemon/http/stream.h"

namespace http {

bool is_websocket_upgrade(const RequestParser& request);

/// Answers the upgrade and hands the websocket to `use`, on a worker. `input` is what was read past the request. Who
/// asked from another origin is taken like everybody.
void start_websocket(const std::shared_ptr<Core>& core, const std::shared_ptr<IoThread>& io, const std::string& group,
                     std::unique_ptr<Stream> stream, const RequestParser& request, std::string input,
                     std::function<void(std::shared_ptr<WebSocket>)> use);

} // namespace http
