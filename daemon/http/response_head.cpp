#include "daemon/http/response_head.h"

#include <algorithm>
#include <ctime>

#include <boost/beast/http/status.hpp>

namespace http {

namespace {

/// The Date header, made once a second on each thread.
const std::string& date() {
    thread_local std::time_t made_at = 0;
    thread_local std::string text;
    const auto now = std::time(nullptr);
    if (now == made_at) return text;
    std::tm parts{};
    gmtime_r(&now, &parts);
    char buffer[64];
    text.assign(buffer, strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
    made_at = now;
    return text;
}

bool is_framing(std::string_view name) {
    static const Headers names{{"Connection", ""}, {"Content-Length", ""}, {"Transfer-Encoding", ""}};
    return names.contains(name);
}

void add(std::string& head, std::string_view name, std::string_view value) {
    const auto start = head.size();
    head.append(name).append(": ").append(value);
    std::replace_if(
        head.begin() + static_cast<ptrdiff_t>(start), head.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    head += "\r\n";
}

} // namespace

bool may_have_body(int status) noexcept {
    return status >= 200 && status != 204 && status != 304;
}

std::string response_head(int status, const Headers& headers, const Framing& framing) {
    const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
    std::string head = framing.minor_version == 0 ? "HTTP/1.0 " : "HTTP/1.1 ";
    head.reserve(256);
    head.append(std::to_string(status)).append(" ").append(reason.data(), reason.size()).append("\r\n");
    for (const auto& [name, value] : headers)
        if (!is_framing(name)) add(head, name, value);
    if (!headers.contains("Date")) add(head, "Date", date());
    if (framing.length) add(head, "Content-Length", std::to_string(*framing.length));
    if (framing.chunked) add(head, "Transfer-Encoding", "chunked");
    if (!framing.keep_alive) add(head, "Connection", "close");
    if (framing.keep_alive && framing.minor_version == 0) add(head, "Connection", "keep-alive");
    head += "\r\n";
    return head;
}

} // namespace http
