#include "daemon/api/handlers/handlers.h"

#include <set>
#include <sstream>

#include "daemon/api/respond.h"
#include "schema/error.h"

namespace api {

namespace {

/// What may wait for a slow listener before it is dropped.
constexpr size_t backlog = 4U << 20U;

std::set<std::string> wanted_types(const http::Request& request) {
    const auto& text = request.parameter("type");
    if (text.empty()) return {"logging", "operation", "lifecycle"};
    std::set<std::string> types;
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ',');) {
        if (word != "logging" && word != "operation" && word != "lifecycle" && word != "network-acl")
            throw schema::bad_request("{:?} isn't a supported event type", word);
        types.insert(word);
    }
    return types;
}

} // namespace

http::Response events_get(Context& context, const http::Request& request) {
    if (request.parameter("all-projects") == "true" && !request.parameter("project").empty())
        throw schema::bad_request("Cannot specify a project when requesting all projects");
    const auto types = wanted_types(request);
    http::Response response;
    response.status = 101;
    response.body = http::Response::Upgrade{[&context, types](std::shared_ptr<base::WebSocket> socket) {
        auto subscription = std::make_shared<std::shared_ptr<void>>(
            context.events.subscribe(types, base::LogLevel::debug, [socket](const std::string& text) {
                return socket->send_or_drop(base::WebSocket::Kind::text, text, backlog);
            }));
        // The subscription is this closure's; it goes when the client does, without a thread waiting for that.
        socket->on_closed([subscription] { subscription->reset(); });
        socket->discard_input();
    }};
    return response;
}

} // namespace api
