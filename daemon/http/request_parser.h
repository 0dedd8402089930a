#pragma once
// Beast's HTTP parser, collecting into plain values. Used by the connection, one object a request.

#include <cstdint>
#include <string>

#include <boost/beast/http/basic_parser.hpp>

#include "daemon/http/message.h"

namespace http {

class RequestParser : public boost::beast::http::basic_parser<true> {
public:
    explicit RequestParser(size_t max_header_bytes);

    std::string method;
    std::string target;
    Headers headers;
    std::string body; // what came since it was last taken

    int minor_version() const noexcept { return minor_version_; }
    bool expects_continue() const;

private:
    using ErrorCode = boost::beast::error_code;
    using View = boost::beast::string_view;

    void on_request_impl(boost::beast::http::verb verb, View method_text, View target_text, int version,
                         ErrorCode& error) override;
    void on_response_impl(int code, View reason, int version, ErrorCode& error) override;
    void on_field_impl(boost::beast::http::field field, View name, View value, ErrorCode& error) override;
    void on_header_impl(ErrorCode& error) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode& error) override;
    std::size_t on_body_impl(View piece, ErrorCode& error) override;
    void on_chunk_header_impl(std::uint64_t size, View extensions, ErrorCode& error) override;
    std::size_t on_chunk_body_impl(std::uint64_t remain, View piece, ErrorCode& error) override;
    void on_finish_impl(ErrorCode& error) override;

    size_t head_left_; // bytes: Beast's own limit is for what has not been taken apart yet alone
    int minor_version_ = 1;
    bool in_trailer_ = false;
};

} // namespace http
