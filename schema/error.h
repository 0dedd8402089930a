#pragma once
// The one error type that crosses rooms: a kind, which decides the HTTP status, and a text for the caller.
// Thrown by every room of the daemon and by the client; turned into an LXD error reply in api/respond alone.

#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace schema {

enum class ErrorKind {
    bad_request,         // 400
    forbidden,           // 403
    not_found,           // 404
    conflict,            // 409
    precondition_failed, // 412
    too_large,           // 413
    internal,            // 500
    not_implemented,     // 501
    unavailable,         // 503
};

/// The HTTP status that LXD gives for a kind.
int http_status(ErrorKind kind) noexcept;
/// The kind of an HTTP status; any other 4xx is bad_request, anything else internal.
ErrorKind error_kind(int http_status) noexcept;

class Error : public std::runtime_error {
public:
    Error(ErrorKind kind, const std::string& text) : std::runtime_error(text), kind_(kind) {}

    ErrorKind kind() const noexcept { return kind_; }

private:
    ErrorKind kind_;
};

template <class... Args> Error bad_request(fmt::format_string<Args...> text, Args&&... args) {
    return {ErrorKind::bad_request, fmt::format(text, std::forward<Args>(args)...)};
}
template <class... Args> Error not_found(fmt::format_string<Args...> text, Args&&... args) {
    return {ErrorKind::not_found, fmt::format(text, std::forward<Args>(args)...)};
}
template <class... Args> Error conflict(fmt::format_string<Args...> text, Args&&... args) {
    return {ErrorKind::conflict, fmt::format(text, std::forward<Args>(args)...)};
}
template <class... Args> Error forbidden(fmt::format_string<Args...> text, Args&&... args) {
    return {ErrorKind::forbidden, fmt::format(text, std::forward<Args>(args)...)};
}
/// A failure to do what was asked that is nobody's bad input (LXD answers 500).
template <class... Args> Error failure(fmt::format_string<Args...> text, Args&&... args) {
    return {ErrorKind::internal, fmt::format(text, std::forward<Args>(args)...)};
}

} // namespace schema
