#include "daemon/api/handlers/handlers.h"

#include "daemon/api/respond.h"
#include "schema/error.h"
#include "schema/names.h"

namespace api {

using schema::Json;

namespace {

std::string url(const std::string& name) {
    return "/1.0/storage-pools/" + name;
}

Json writable(const schema::StoragePool& pool) {
    return to_json(static_cast<const schema::StoragePoolPut&>(pool)).set("driver", pool.driver).set("name", pool.name);
}

http::Response update(Context& context, const http::Request& request, bool merge) {
    const auto present = context.pools.get(argument(request, "name"));
    check_etag(request, writable(present));
    // Of a description that a PATCH does not have LXD makes an empty one, too.
    auto wanted = schema::storage_pool_put_from(json_body(request), {});
    if (merge)
        for (const auto& [key, value] : present.config) wanted.config.try_emplace(key, value);
    context.pools.update(present.name, wanted);
    context.events.lifecycle("storage-pool-updated", url(present.name), {}, requestor(request));
    return done();
}

} // namespace

http::Response pools_get(Context& context, const http::Request& request) {
    auto list = Json::empty_array();
    const bool objects = recursion(request) > 0;
    for (const auto& pool : context.pools.list()) list.push_back(objects ? to_json(pool) : Json(url(pool.name)));
    return sync(list);
}

http::Response pools_post(Context& context, const http::Request& request) {
    const auto pool = schema::storage_pool_from(json_body(request));
    context.pools.create(pool);
    context.events.lifecycle("storage-pool-created", url(pool.name), {}, requestor(request));
    return created(url(pool.name));
}

http::Response pool_get(Context& context, const http::Request& request) {
    const auto pool = context.pools.get(argument(request, "name"));
    return sync(to_json(pool), writable(pool));
}

http::Response pool_put(Context& context, const http::Request& request) {
    return update(context, request, false);
}
http::Response pool_patch(Context& context, const http::Request& request) {
    return update(context, request, true);
}

http::Response pool_delete(Context& context, const http::Request& request) {
    const auto pool = context.pools.get(argument(request, "name"));
    context.pools.remove(pool.name);
    context.events.lifecycle("storage-pool-deleted", url(pool.name), {}, requestor(request));
    return done();
}

http::Response pool_resources_get(Context& context, const http::Request& request) {
    const auto space = context.pools.space(context.pools.settings(argument(request, "name")).name);
    Json bytes;
    if (space.used > 0) bytes.set("used", space.used); // LXD leaves a zero out, of this one alone
    bytes.set("total", space.total);
    Json inodes;
    inodes.set("used", space.inodes_used).set("total", space.inodes_total);
    Json resources;
    resources.set("space", bytes).set("inodes", inodes);
    return sync(resources);
}

} // namespace api
