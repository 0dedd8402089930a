#include "daemon/api/handlers/handlers.h"

#include <chrono>

#include "daemon/api/handlers/volumes.h"
#include "daemon/api/respond.h"
#include "daemon/base/calendar.h"
#include "schema/error.h"
#include "schema/schedule.h"
#include "schema/values.h"

namespace api {

using schema::Json;

namespace {

Json writable(const schema::StorageVolumeSnapshot& snapshot) {
    return Json(Json::Array{snapshot.description, Json(snapshot.expires_at.value_or(schema::Time{}))});
}

storage::VolumeKey key_of(const http::Request& request) {
    return {argument(request, "pool"), argument(request, "type"), argument(request, "volume")};
}

operations::Spec task(const char* description, const char* kind, const storage::VolumeKey& key,
                      const http::Request& request) {
    operations::Spec spec;
    spec.description = description;
    spec.resources[kind] = {"/1.0/" + std::string(kind) + "/" + key.name};
    spec.requestor = requestor(request);
    return spec;
}

http::Response change(Context& context, const http::Request& request, bool merge) {
    const auto key = key_of(request);
    check_volume_type(key.type);
    const auto& name = argument(request, "snapshot");
    const auto present = context.volumes.snapshot(key, name);
    check_etag(request, writable(present));
    schema::StorageVolumeSnapshotChange base;
    if (merge) base = {name, present.description, present.expires_at};
    const auto wanted = schema::storage_volume_snapshot_change_from(json_body(request), base);
    if (key.type == "custom")
        context.volumes.update_snapshot({key.pool, key.name}, name, wanted.description, wanted.expires_at);
    else
        context.volumes.describe_snapshot(key, name, wanted.description);
    context.events.lifecycle("storage-volume-snapshot-updated", volume_url(key.pool, key.type, key.name + "/" + name),
                             {}, requestor(request));
    return done();
}

} // namespace

http::Response volume_snapshots_get(Context& context, const http::Request& request) {
    const auto key = key_of(request);
    check_volume_type(key.type);
    context.pools.settings(key.pool);
    const bool objects = recursion(request) > 0;
    auto answer = Json::empty_array();
    for (auto snapshot : context.volumes.snapshots(key)) {
        if (!objects) {
            answer.push_back(volume_url(key.pool, key.type, key.name + "/" + snapshot.name));
            continue;
        }
        snapshot.name = key.name + "/" + snapshot.name; // as LXD lists them
        snapshot.content_type.clear();
        if (snapshot.expires_at == schema::Time{}) snapshot.expires_at.reset();
        answer.push_back(to_json(snapshot));
    }
    return sync(answer);
}

http::Response volume_snapshots_post(Context& context, const http::Request& request) {
    const auto key = key_of(request);
    check_custom(key.type);
    auto post = schema::storage_volume_snapshot_change_from(json_body(request));
    context.pools.settings(key.pool);
    const auto snapshots = context.volumes.snapshots(key);
    if (!post.name.empty()) storage::check_volume_snapshot_name(post.name);
    for (const auto& snapshot : snapshots)
        if (snapshot.name == post.name) throw schema::conflict("Snapshot {} already in use", schema::quoted(post.name));
    const auto volume = context.volumes.get(key);
    context.volumes.check_can_snapshot({key.pool, key.name});
    if (!post.expires_at) {
        const auto expiry = schema::parse_expiry(schema::get(volume.config, "snapshots.expiry"));
        post.expires_at = base::expiry_date(std::chrono::system_clock::now(), expiry);
    }
    auto spec = task("Creating storage volume snapshot", "storage_volumes", key, request);
    spec.run = [&context, key, post](operations::Operation& operation) {
        const auto name =
            context.volumes.take({key.pool, key.name}, post.name, post.expires_at, operation.cancel_token(), {});
        Json about;
        about.set("type", "custom");
        context.events.lifecycle("storage-volume-snapshot-created",
                                 volume_url(key.pool, key.type, key.name + "/" + name), about, operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response volume_snapshot_get(Context& context, const http::Request& request) {
    const auto key = key_of(request);
    check_volume_type(key.type);
    const auto snapshot = context.volumes.snapshot(key, argument(request, "snapshot"));
    return sync(to_json(snapshot), writable(snapshot));
}

http::Response volume_snapshot_put(Context& context, const http::Request& request) {
    return change(context, request, false);
}
http::Response volume_snapshot_patch(Context& context, const http::Request& request) {
    return change(context, request, true);
}

http::Response volume_snapshot_post(Context& context, const http::Request& request) {
    const auto key = key_of(request);
    check_custom(key.type);
    const auto& name = argument(request, "snapshot");
    const auto post = schema::storage_volume_snapshot_change_from(json_body(request));
    if (post.name.empty()) throw schema::bad_request("No name provided");
    if (post.name.find('/') != std::string::npos)
        throw schema::bad_request("Storage volume names may not contain slashes");
    storage::check_volume_snapshot_name(post.name);
    auto spec = task("Renaming storage volume snapshot", "storage_volume_snapshots", key, request);
    spec.run = [&context, key, name, post](operations::Operation& operation) {
        context.volumes.rename_snapshot({key.pool, key.name}, name, post.name);
        Json about;
        about.set("old_name", name);
        // The source is as it was called, unlike an instance snapshot's: so has LXD.
        context.events.lifecycle("storage-volume-snapshot-renamed",
                                 volume_url(key.pool, key.type, key.name + "/" + name), about, operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

http::Response volume_snapshot_delete(Context& context, const http::Request& request) {
    const auto key = key_of(request);
    check_custom(key.type);
    const auto& name = argument(request, "snapshot");
    context.volumes.snapshot(key, name);
    auto spec = task("Deleting storage volume snapshot", "storage_volume_snapshots", key, request);
    spec.run = [&context, key, name](operations::Operation& operation) {
        context.volumes.remove_snapshot({key.pool, key.name}, name);
        context.events.lifecycle("storage-volume-snapshot-deleted",
                                 volume_url(key.pool, key.type, key.name + "/" + name), {}, operation.requestor());
    };
    return async(*context.operations.start(std::move(spec)));
}

} // namespace api
