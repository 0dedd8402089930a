#include "daemon/http/local_request.h"

#include <system_error>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "schema/error.h"

namespace http {

namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;

schema::Json metadata_of(const std::string& text) {
    const auto answer = schema::Json::parse(text);
    if (answer["type"] == schema::Json("error")) {
        int code = 0;
        schema::json::read(answer, "error_code", code);
        throw schema::Error(schema::error_kind(code), answer["error"].as_string());
    }
    return answer["metadata"];
}

std::string exchange(const std::string& socket, const std::string& method, const std::string& target,
                     const std::optional<schema::Json>& body) {
    asio::io_context io;
    asio::local::stream_protocol::socket stream(io);
    stream.connect(asio::local::stream_protocol::endpoint(socket));

    beast_http::request<beast_http::string_body> request(beast_http::string_to_verb(method), target, 11);
    request.set(beast_http::field::host, "lxd");
    request.keep_alive(false);
    if (body) request.body() = body->dump();
    request.prepare_payload();
    beast_http::write(stream, request);

    boost::beast::flat_buffer buffer;
    beast_http::response<beast_http::string_body> response;
    beast_http::read(stream, buffer, response);
    return response.body();
}

} // namespace

schema::Json local_request(const std::string& socket, const std::string& method, const std::string& target,
                           const std::optional<schema::Json>& body) {
    try {
        return metadata_of(exchange(socket, method, target, body));
    } catch (const boost::system::system_error& error) {
        throw std::system_error(error.code().value(), std::generic_category(), socket);
    }
}

} // namespace http
