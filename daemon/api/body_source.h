#pragma once
// A request's body as rooms pull it, whether it was buffered or is still on its way.

#include <cstddef>
#include <functional>
#include <string>

#include "daemon/http/message.h"

namespace api {

inline std::function<size_t(char* buffer, size_t size)> body_source(const http::Request& request) {
    if (request.stream)
        return [stream = request.stream](char* buffer, size_t size) { return stream->read(buffer, size); };
    return [text = request.body, at = size_t{0}](char* buffer, size_t size) mutable {
        const auto count = text.copy(buffer, size, at);
        at += count;
        return count;
    };
}

} // namespace api
