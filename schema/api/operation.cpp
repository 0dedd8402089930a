#include "schema/api/operation.h"

namespace schema {

Json to_json(const Operation& operation) {
    Json json;
    json.set("id", operation.id)
        .set("class", operation.class_name)
        .set("description", operation.description)
        .set("created_at", operation.created_at)
        .set("updated_at", operation.updated_at)
        .set("status", status_name(operation.status))
        .set("status_code", static_cast<int>(operation.status))
        .set("resources", operation.resources.empty() ? Json() : Json(operation.resources))
        .set("metadata", operation.metadata)
        .set("may_cancel", operation.may_cancel)
        .set("err", operation.err)
        .set("location", operation.location);
    return json;
}

Operation operation_from(const Json& value) {
    Operation operation;
    int status = static_cast<int>(operation.status);
    json::read(value, "id", operation.id);
    json::read(value, "class", operation.class_name);
    json::read(value, "description", operation.description);
    json::read(value, "created_at", operation.created_at);
    json::read(value, "updated_at", operation.updated_at);
    json::read(value, "status_code", status);
    json::read(value, "resources", operation.resources);
    json::read(value, "metadata", operation.metadata);
    json::read(value, "may_cancel", operation.may_cancel);
    json::read(value, "err", operation.err);
    json::read(value, "location", operation.location);
    operation.status = static_cast<Status>(status);
    return operation;
}

} // namespace schema
