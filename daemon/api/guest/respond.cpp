#include "daemon/api/guest/respond.h"

namespace api::guest {

http::Response json(const schema::Json& value) {
    http::Response response;
    response.headers["Content-Type"] = "application/json";
    response.body = value.dump() + "\n";
    return response;
}

http::Response raw(std::string text) {
    http::Response response;
    response.headers["Content-Type"] = "application/octet-stream";
    response.body = std::move(text);
    return response;
}

http::Response error(int status, std::string_view text) {
    http::Response response;
    response.status = status;
    response.headers["Content-Type"] = "text/plain; charset=utf-8";
    response.headers["X-Content-Type-Options"] = "nosniff";
    response.body = std::string(text) + "\n";
    return response;
}

} // namespace api::guest
