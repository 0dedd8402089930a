#include "daemon/instance/recover.h"

#include "daemon/api/handlers/handlers.h"
#include "daemon/api/respond.h"
#include "schema/error.h"

namespace api {

using schema::Json;

namespace {

std::vector<schema::StoragePool> pools_from(const Json& body) {
    std::vector<schema::StoragePool> pools;
    if (const auto* list = body.find("pools"); list != nullptr && !list->is_null())
        for (const auto& item : list->as_array()) pools.push_back(schema::storage_pool_from(item));
    return pools;
}

instance::RecoverRooms rooms_of(Context& context) {
    return {context.log, context.database, context.profiles, context.pools, context.instances, context.lifecycle};
}

} // namespace

http::Response recover_validate_post(Context& context, const http::Request& request) {
    const auto found = instance::find_lost(pools_from(json_body(request)), rooms_of(context));
    auto volumes = Json::empty_array();
    for (const auto& volume : found.volumes) {
        Json json;
        json.set("name", volume.name)
            .set("type", volume.type)
            .set("snapshotCount", static_cast<int64_t>(volume.snapshots.size()))
            .set("project", "default")
            .set("pool", volume.pool);
        volumes.push_back(std::move(json));
    }
    Json result;
    result.set("UnknownVolumes", found.volumes.empty() ? Json() : std::move(volumes))
        .set("DependencyErrors", found.missing.empty() ? Json() : Json(found.missing));
    return sync(result);
}

http::Response recover_import_post(Context& context, const http::Request& request) {
    instance::recover(pools_from(json_body(request)), rooms_of(context));
    return done();
}

} // namespace api
