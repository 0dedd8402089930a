#include "schema/error.h"

#include <array>
#include <utility>

namespace schema {

namespace {

constexpr std::array<std::pair<ErrorKind, int>, 9> statuses{{
    {ErrorKind::bad_request, 400},
    {ErrorKind::forbidden, 403},
    {ErrorKind::not_found, 404},
    {ErrorKind::conflict, 409},
    {ErrorKind::precondition_failed, 412},
    {ErrorKind::too_large, 413},
    {ErrorKind::internal, 500},
    {ErrorKind::not_implemented, 501},
    {ErrorKind::unavailable, 503},
}};

} // namespace

int http_status(ErrorKind kind) noexcept {
    for (const auto& [row_kind, status] : statuses)
        if (row_kind == kind) return status;
    return 500;
}

ErrorKind error_kind(int http_status) noexcept {
    for (const auto& [kind, status] : statuses)
        if (status == http_status) return kind;
    return http_status >= 400 && http_status < 500 ? ErrorKind::bad_request : ErrorKind::internal;
}

} // namespace schema
