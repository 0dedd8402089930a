#pragma once
// One request to a daemon on its unix socket: for the `lxd` sub-commands (init, waitready, shutdown).

#include <optional>
#include <string>

#include "schema/json.h"

namespace http {

/// Sends a request with an optional JSON body and returns the `metadata` of the answer; blocks until it is there.
/// Throws schema::Error with the daemon's own kind and text where it answers with an error, and std::system_error where
/// nobody listens.
schema::Json local_request(const std::string& socket, const std::string& method, const std::string& target,
                           const std::optional<schema::Json>& body = {});

} // namespace http
