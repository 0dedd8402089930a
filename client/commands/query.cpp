// lxc query: one call of the API, as it is.

#include <map>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/session.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag flags[] = {
    {"data", 'd', FlagKind::text, "Body to send, as JSON"},
    {"raw", 0, FlagKind::toggle, "Print the whole answer"},
    {"request", 'X', FlagKind::text, "HTTP method", "GET"},
    {"wait", 0, FlagKind::toggle, "Wait for the operation that the call starts"},
};

/// What is not JSON is sent as a JSON text.
Json body_from(const std::string& data) {
    try {
        return Json::parse(data);
    } catch (const schema::Error&) {
        return data;
    }
}

/// By key at every level: the stock client's order, which is not the server's.
Json sorted(const Json& value) {
    if (value.is_array()) {
        auto items = Json::empty_array();
        for (const auto& item : value.as_array()) items.push_back(sorted(item));
        return items;
    }
    if (!value.is_object()) return value;
    std::map<std::string, Json> members;
    for (const auto& [key, member] : value.as_object()) members[key] = sorted(member);
    return {members};
}

void show(const Json& value) {
    print(value.pretty() + "\n\n");
}

/// Some answers (log files, exported images) are not JSON: those are printed as they come.
bool print_plain(Server& server, const HttpRequest& request) {
    bool plain = false;
    const auto response = server.connection().send(request, [&](const HttpResponse& head) -> Sink {
        plain = head.status == 200 && !head.header("content-type").starts_with("application/json");
        if (!plain) return {};
        return [](std::string_view part) { print(part); };
    });
    return plain;
}

int run(Session& session, Call& call) {
    if (!session.globals().project.empty()) {
        throw schema::bad_request("--project cannot be used with the query command");
    }
    auto resource = session.resource(call.arguments[0]);
    if (!resource.name.starts_with('/')) throw schema::bad_request("Query path must start with /");

    HttpRequest request{.method = call.flags.text("request"), .target = resource.name};
    const auto data = call.flags.text("data");
    request.headers["Content-Type"] = "application/json";
    request.body.push_back({.text = body_from(data).dump()});
    if (data.empty() && request.method == "GET" && print_plain(resource.server, request)) return 0;

    auto reply = resource.server.send(request);
    if (call.flags.on("wait") && !reply.operation.empty()) {
        reply = resource.server.get("/1.0/operations/" + operation_id(reply.operation) + "/wait");
        const auto& error = reply.metadata["err"];
        if (error.is_string() && !error.as_string().empty()) throw schema::failure("{}", error.as_string());
    }
    if (call.flags.on("raw")) {
        show(Json::parse(reply.text));
    } else if (!reply.metadata.is_null() && reply.metadata != Json::empty_object()) {
        show(sorted(reply.metadata));
    }
    return 0;
}

} // namespace

constinit const Command commands::query{
    .name = "query",
    .arguments = "[<remote>:]<API path>",
    .summary = "Call the server's API",
    .examples = "lxc query /1.0/instances/c1/state\n"
                "    Show what the API says of c1's state.\n\n"
                "lxc query -X DELETE --wait /1.0/instances/c1\n"
                "    Delete c1.",
    .flags = flags,
    .least = 1,
    .most = 1,
    .run = run,
    .hidden = true,
};

} // namespace client
