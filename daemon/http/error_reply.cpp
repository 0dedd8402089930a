#include "daemon/http/error_reply.h"

#include "schema/json.h"

namespace http {

Response error_reply(int status, std::string_view text) {
    schema::Json body;
    body.set("type", "error")
        .set("status", "")
        .set("status_code", 0)
        .set("operation", "")
        .set("error_code", status)
        .set("error", text)
        .set("metadata", nullptr);
    Response response;
    response.status = status;
    response.headers["Content-Type"] = "application/json";
    response.headers["X-Content-Type-Options"] = "nosniff";
    response.body = body.dump() + "\n";
    return response;
}

} // namespace http
