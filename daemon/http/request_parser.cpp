#include "daemon/http/request_parser.h"

#include <limits>

namespace http {

RequestParser::RequestParser(size_t max_header_bytes) : head_left_(max_header_bytes) {
    header_limit(static_cast<std::uint32_t>(max_header_bytes));
    // Larger bodies are streamed; boost::none here would make this version of Beast refuse every Content-Length.
    body_limit(std::numeric_limits<std::uint64_t>::max());
    eager(true);
}

bool RequestParser::expects_continue() const {
    const auto found = headers.find("Expect");
    return found != headers.end() && minor_version_ > 0 &&
           boost::beast::iequals({found->second.data(), found->second.size()}, "100-continue");
}

void RequestParser::on_request_impl(boost::beast::http::verb, View method_text, View target_text, int version,
                                    ErrorCode&) {
    method.assign(method_text.data(), method_text.size());
    target.assign(target_text.data(), target_text.size());
    minor_version_ = version % 10;
}

void RequestParser::on_response_impl(int, View, int, ErrorCode&) {}

void RequestParser::on_field_impl(boost::beast::http::field, View name, View value, ErrorCode& error) {
    const auto size = name.size() + value.size() + std::string_view(": \r\n").size();
    if (size > head_left_) {
        error = boost::beast::http::error::header_limit;
        return;
    }
    head_left_ -= size;
    if (in_trailer_) return;
    const auto [row, added] = headers.try_emplace(std::string(name.data(), name.size()), value.data(), value.size());
    if (!added) row->second.append(", ").append(value.data(), value.size());
}

void RequestParser::on_header_impl(ErrorCode&) {
    in_trailer_ = true;
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) {}

std::size_t RequestParser::on_body_impl(View piece, ErrorCode&) {
    body.append(piece.data(), piece.size());
    return piece.size();
}

void RequestParser::on_chunk_header_impl(std::uint64_t, View, ErrorCode&) {}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, View piece, ErrorCode&) {
    body.append(piece.data(), piece.size());
    return piece.size();
}

void RequestParser::on_finish_impl(ErrorCode&) {}

} // namespace http
