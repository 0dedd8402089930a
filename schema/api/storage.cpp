#include "schema/api/storage.h"

namespace schema {

namespace {

void read_put(const Json& value, StoragePoolPut& put) {
    value.as_object();
    json::read(value, "config", put.config);
    json::read(value, "description", put.description);
}

} // namespace

Json to_json(const StoragePoolPut& pool) {
    Json json;
    json.set("config", pool.config).set("description", pool.description);
    return json;
}

Json to_json(const StoragePool& pool) {
    auto json = to_json(static_cast<const StoragePoolPut&>(pool));
    json.set("name", pool.name)
        .set("driver", pool.driver)
        .set("used_by", pool.used_by)
        .set("status", pool.status)
        .set("locations", pool.locations);
    return json;
}

Json to_json(const StorageVolume& volume) {
    Json json;
    json.set("config", volume.config)
        .set("description", volume.description)
        .set("name", volume.name)
        .set("type", volume.type)
        .set("used_by", volume.used_by)
        .set("location", volume.location)
        .set("content_type", volume.content_type)
        .set("project", volume.project)
        .set("created_at", volume.created_at);
    return json;
}

StoragePoolPut storage_pool_put_from(const Json& value, StoragePoolPut base) {
    read_put(value, base);
    return base;
}

StoragePool storage_pool_from(const Json& value) {
    StoragePool pool;
    read_put(value, pool);
    json::read(value, "name", pool.name);
    json::read(value, "driver", pool.driver);
    json::read(value, "used_by", pool.used_by);
    json::read(value, "status", pool.status);
    json::read(value, "locations", pool.locations);
    return pool;
}

StorageVolume storage_volume_from(const Json& value) {
    StorageVolume volume;
    json::read(value, "config", volume.config);
    json::read(value, "description", volume.description);
    json::read(value, "name", volume.name);
    json::read(value, "type", volume.type);
    json::read(value, "used_by", volume.used_by);
    json::read(value, "location", volume.location);
    json::read(value, "content_type", volume.content_type);
    json::read(value, "project", volume.project);
    json::read(value, "created_at", volume.created_at);
    return volume;
}

Json to_json(const StorageVolumeSnapshot& snapshot) {
    Json json;
    json.set("description", snapshot.description)
        .set("expires_at", snapshot.expires_at ? Json(*snapshot.expires_at) : Json())
        .set("name", snapshot.name)
        .set("config", snapshot.config)
        .set("content_type", snapshot.content_type)
        .set("created_at", snapshot.created_at);
    return json;
}

StorageVolumeChange storage_volume_change_from(const Json& value) {
    value.as_object();
    StorageVolumeChange change;
    json::read(value, "config", change.config);
    json::read(value, "description", change.description);
    json::read(value, "restore", change.restore);
    return change;
}

StorageVolumesPost storage_volumes_post_from(const Json& value) {
    value.as_object();
    StorageVolumesPost post;
    json::read(value, "config", post.config);
    json::read(value, "description", post.description);
    json::read(value, "name", post.name);
    json::read(value, "type", post.type);
    json::read(value, "content_type", post.content_type);
    if (const auto& source = value["source"]; !source.is_null()) {
        source.as_object();
        json::read(source, "type", post.source.type);
        json::read(source, "name", post.source.name);
        json::read(source, "pool", post.source.pool);
        json::read(source, "mode", post.source.mode);
        json::read(source, "project", post.source.project);
        json::read(source, "volume_only", post.source.volume_only);
        json::read(source, "refresh", post.source.refresh);
    }
    return post;
}

StorageVolumePost storage_volume_post_from(const Json& value) {
    value.as_object();
    StorageVolumePost post;
    json::read(value, "name", post.name);
    json::read(value, "pool", post.pool);
    json::read(value, "project", post.project);
    json::read(value, "migration", post.migration);
    json::read(value, "volume_only", post.volume_only);
    return post;
}

StorageVolumeSnapshotChange storage_volume_snapshot_change_from(const Json& value, StorageVolumeSnapshotChange base) {
    value.as_object();
    json::read(value, "name", base.name);
    json::read(value, "description", base.description);
    json::read(value, "expires_at", base.expires_at);
    return base;
}

} // namespace schema
