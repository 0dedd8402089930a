#include "daemon/api/handlers/handlers.h"

#include <set>
#include <string>

#include "daemon/api/event_feed.h"
#include "schema/error.h"

namespace api {

namespace {

/// What may wait for a slow listener before it is dropped.
constexpr size_t backlog = 4U << 20U;

std::set<std::string> known_types(const http::Request& request) {
    const auto types = wanted_types(request);
    if (types.empty()) return {"logging", "operation", "lifecycle"};
    for (const auto& type : types)
        if (type != "logging" && type != "operation" && type != "lifecycle" && type != "network-acl")
            throw schema::bad_request("{:?} isn't a supported event type", type);
    return types;
}

} // namespace

http::Response events_get(Context& context, const http::Request& request) {
    if (request.parameter("all-projects") == "true" && !request.parameter("project").empty())
        throw schema::bad_request("Cannot specify a project when requesting all projects");
    const auto types = known_types(request);
    return event_feed(request, backlog, [&context, types](TakeEvent take) {
        return context.events.subscribe(types, base::LogLevel::debug, std::move(take));
    });
}

} // namespace api
