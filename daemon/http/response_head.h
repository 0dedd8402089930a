#pragma once
// The head of a response as bytes. Pure; used by the connection.

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/http/message.h"

namespace http {

struct Framing {
    int minor_version = 1;          // of HTTP/1.x, the request's
    bool keep_alive = true;         // whether the connection is there for another request afterwards
    bool chunked = false;           // otherwise: `length`, or until the connection is closed
    std::optional<uint64_t> length; // sent as Content-Length
};

/// Whether a response with this status may have a body (1xx, 204 and 304 may not).
bool may_have_body(int status) noexcept;
/// Status line and headers with the empty line at their end. What `headers` says about framing is overruled, and line
/// breaks in values become spaces.
std::string response_head(int status, const Headers& headers, const Framing& framing);

} // namespace http
