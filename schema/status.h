#pragma once
// LXD's status codes: one numbering for operations, instances and replies (shared by every API object).

#include <string_view>

namespace schema {

enum class Status : int {
    operation_created = 100,
    started = 101,
    stopped = 102,
    running = 103,
    cancelling = 104,
    pending = 105,
    starting = 106,
    stopping = 107,
    aborting = 108,
    freezing = 109,
    frozen = 110,
    thawed = 111,
    error = 112,
    ready = 113,
    success = 200,
    failure = 400,
    cancelled = 401,
};

/// LXD's word for a code: "Running", "Operation created" ...
std::string_view status_name(Status status) noexcept;
/// Success, failure or cancelled: nothing more will happen.
constexpr bool is_final(Status status) noexcept {
    return static_cast<int>(status) >= 200;
}

} // namespace schema
