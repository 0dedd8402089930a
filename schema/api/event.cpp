#include "schema/api/event.h"

namespace schema {

Json to_json(const Requestor& requestor) {
    Json json;
    json.set("username", requestor.username).set("protocol", requestor.protocol).set("address", requestor.address);
    return json;
}

Json to_json(const Event& event) {
    Json json;
    json.set("type", event.type).set("timestamp", event.timestamp).set("metadata", event.metadata);
    if (!event.location.empty()) json.set("location", event.location);
    if (!event.project.empty()) json.set("project", event.project);
    return json;
}

Event event_from(const Json& value) {
    Event event;
    event.location.clear();
    json::read(value, "type", event.type);
    json::read(value, "timestamp", event.timestamp);
    json::read(value, "metadata", event.metadata);
    json::read(value, "location", event.location);
    json::read(value, "project", event.project);
    return event;
}

} // namespace schema
