#pragma once
// How far an archive is that is being written, as LXD tells it where it does not know how far there is to go.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <fmt/format.h>

#include "daemon/operations/operation.h"
#include "schema/units.h"

namespace api {

/// Tells the operation's metadata under `key`: "PREFIX12.3MB (4.5MB/s)".
inline std::function<void(uint64_t bytes)> pack_progress(operations::Operation& operation, const char* key,
                                                         const char* prefix) {
    const auto began = std::chrono::steady_clock::now();
    return [&operation, key, prefix, began](uint64_t bytes) {
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
        const auto speed = static_cast<int64_t>(static_cast<double>(bytes) / std::max(took.count(), 0.001));
        operation.set_progress(key,
                               fmt::format("{}{} ({}/s)", prefix, schema::format_bytes(static_cast<int64_t>(bytes)),
                                           schema::format_bytes(speed)));
    };
}

} // namespace api
