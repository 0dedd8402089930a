#include "daemon/api/respond.h"

#include <system_error>

#include "daemon/base/crypto.h"

namespace api {

using schema::Json;

namespace {

http::Response text_response(int status, std::string body) {
    http::Response response;
    response.status = status;
    response.headers["Content-Type"] = "application/json";
    response.body = std::move(body);
    return response;
}

http::Response json_response(int status, const Json& body) {
    return text_response(status, body.dump() + "\n");
}

Json success(Json metadata) {
    Json body;
    body.set("type", "sync")
        .set("status", "Success")
        .set("status_code", 200)
        .set("operation", "")
        .set("error_code", 0)
        .set("error", "")
        .set("metadata", std::move(metadata));
    return body;
}

} // namespace

http::Response sync(Json metadata) {
    return json_response(200, success(std::move(metadata)));
}

http::Response sync_list(const std::vector<std::string>& elements) {
    // `metadata` is the envelope's last member.
    auto body = success(Json::empty_array()).dump();
    body.erase(body.size() - 2);
    size_t size = body.size() + 3;
    for (const auto& element : elements) size += element.size() + 1;
    body.reserve(size);
    for (const auto& element : elements) {
        if (&element != &elements.front()) body += ',';
        body += element;
    }
    body += "]}\n";
    return text_response(200, std::move(body));
}

http::Response sync(Json metadata, const Json& writable) {
    auto response = sync(std::move(metadata));
    response.headers["ETag"] = '"' + etag(writable) + '"';
    return response;
}

http::Response done() {
    return sync(Json::empty_object());
}

http::Response created(const std::string& location) {
    auto response = json_response(201, success({}));
    response.headers["Location"] = location;
    return response;
}

/// The answer tells of a start, as LXD's does, however soon the end came: clients ask for that.
http::Response async(const operations::Operation& operation) {
    auto shown = operation.snapshot();
    if (schema::is_final(shown.status)) {
        shown.status = schema::Status::running;
        shown.err.clear();
    }
    const auto url = "/1.0/operations/" + operation.id();
    Json body;
    body.set("type", "async")
        .set("status", "Operation created")
        .set("status_code", 100)
        .set("operation", url)
        .set("error_code", 0)
        .set("error", "")
        .set("metadata", to_json(shown));
    auto response = json_response(202, body);
    response.headers["Location"] = url;
    return response;
}

http::Response error(schema::ErrorKind kind, std::string_view text) {
    const auto status = schema::http_status(kind);
    Json body;
    body.set("type", "error")
        .set("status", "")
        .set("status_code", 0)
        .set("operation", "")
        .set("error_code", status)
        .set("error", text)
        .set("metadata", nullptr);
    auto response = json_response(status, body);
    response.headers["X-Content-Type-Options"] = "nosniff";
    return response;
}

http::Response error(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const schema::Error& failure) {
        return error(failure.kind(), failure.what());
    } catch (const std::system_error& failure) {
        if (failure.code() == std::errc::no_such_file_or_directory)
            return error(schema::ErrorKind::not_found, failure.what());
        return error(schema::ErrorKind::internal, failure.what());
    } catch (const std::exception& failure) {
        return error(schema::ErrorKind::internal, failure.what());
    }
}

std::string etag(const Json& writable) {
    return base::sha256(writable.dump());
}

void check_etag(const http::Request& request, const Json& writable) {
    std::string_view given = request.header("If-Match");
    if (given.empty()) return;
    if (given.size() >= 2 && given.front() == '"' && given.back() == '"') given = given.substr(1, given.size() - 2);
    if (const auto present = etag(writable); given != present)
        throw schema::Error(schema::ErrorKind::precondition_failed,
                            fmt::format("ETag doesn't match: {} vs {}", present, given));
}

} // namespace api
