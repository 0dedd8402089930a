#include "client/server.h"

#include <cstdio>

#include "client/interrupts.h"
#include "client/progress.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

Reply reply_of(const HttpRequest& request, HttpResponse response) {
    Json envelope;
    try {
        envelope = Json::parse(response.body);
    } catch (const schema::Error&) {
        if (response.status != 200) throw_error(request, response);
        throw;
    }
    if (envelope["type"] == Json("error")) throw_error(request, response);
    Reply reply;
    reply.etag = response.header("etag");
    reply.text = std::move(response.body);
    if (!envelope.is_object()) return reply;
    for (auto& [key, value] : envelope.object()) {
        if (key == "operation" && value.is_string()) reply.operation = value.as_string();
        if (key == "metadata") reply.metadata = std::move(value); // a list of hundreds is not copied
    }
    return reply;
}

Json checked_operation(Json operation) {
    const auto& error = operation["err"];
    if (error.is_string() && !error.as_string().empty()) throw schema::failure("{}", error.as_string());
    return operation;
}

} // namespace

void throw_error(const HttpRequest& request, const HttpResponse& response) {
    std::string text =
        fmt::format("Failed to fetch http://unix.socket{}: {} {}", request.target, response.status, response.reason);
    try {
        const auto answer = Json::parse(response.body);
        if (answer["error"].is_string()) text = answer["error"].as_string();
    } catch (const schema::Error&) { // Not JSON: the status line says what there is to say.
    }
    throw schema::Error(schema::error_kind(response.status), text);
}

std::string operation_id(std::string_view url) {
    url = url.substr(0, url.find('?'));
    return std::string(url.substr(url.rfind('/') + 1));
}

std::optional<Json> get_if_exists(Server& server, const std::string& target) {
    try {
        return server.get(target).metadata;
    } catch (const schema::Error& error) {
        if (error.kind() == schema::ErrorKind::not_found) return std::nullopt;
        throw;
    }
}

Reply Server::call(const std::string& method, const std::string& target, const Json* body, const std::string& etag) {
    HttpRequest request{.method = method, .target = target};
    if (body != nullptr) {
        request.headers["Content-Type"] = "application/json";
        request.body.push_back({.text = body->dump()});
    }
    if (!etag.empty()) request.headers["If-Match"] = etag;
    return send(request);
}

Reply Server::send(const HttpRequest& request) {
    trace(request);
    auto response = connection_.send(request);
    trace(response);
    return reply_of(request, std::move(response));
}

void Server::trace(const HttpRequest& request) const {
    if (trace_ == Trace::none) return;
    fmt::print(stderr, "> {} {}\n", request.method, request.target);
    for (const auto& part : request.body) {
        if (trace_ == Trace::bodies && !part.text.empty()) fmt::print(stderr, "> {}\n", part.text);
    }
}

void Server::trace(const HttpResponse& response) const {
    if (trace_ == Trace::none) return;
    fmt::print(stderr, "< {} {}\n", response.status, response.reason);
    if (trace_ == Trace::bodies && !response.body.empty()) fmt::print(stderr, "< {}\n", response.body);
}

Json Server::wait(const Reply& reply, Progress* progress) {
    if (reply.operation.empty()) return reply.metadata;
    const auto id = operation_id(reply.operation);
    if (progress != nullptr) return checked_operation(wait_interruptibly(id, *progress));
    return checked_operation(outcome(id));
}

Json Server::outcome(const std::string& operation) {
    return get("/1.0/operations/" + operation + "/wait").metadata;
}

Json Server::wait_interruptibly(const std::string& operation, Progress& progress) {
    const Interrupts interrupts;
    // Where progress is shown, the server is asked again every second, which needs no second connection for events.
    HttpRequest request{.target = "/1.0/operations/" + operation + "/wait" + (progress.visible() ? "?timeout=1" : "")};
    for (int refusals = 0;;) {
        HttpResponse response;
        if (connection_.send_unless(interrupts.fd(), request, response)) {
            auto state = reply_of(request, std::move(response)).metadata;
            if (state["status_code"].is_integer() && state["status_code"].as_integer() >= 200) {
                progress.done();
                return state;
            }
            progress.show_operation(state);
            continue;
        }
        interrupts.consume();
        try {
            del("/1.0/operations/" + operation);
            progress.done();
            throw schema::failure("Remote operation canceled by user");
        } catch (const schema::Error& error) {
            if (error.what() == std::string_view("Remote operation canceled by user")) throw;
            if (++refusals == 3) {
                progress.done();
                throw schema::failure("User signaled us three times, exiting. The remote operation will keep running");
            }
            progress.warn(fmt::format("{} (interrupt two more times to force)", error.what()));
        }
    }
}

} // namespace client
