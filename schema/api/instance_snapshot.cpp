#include "schema/api/instance_snapshot.h"

namespace schema {

Json to_json(const InstanceSnapshot& snapshot) {
    Json json;
    json.set("expires_at", snapshot.expires_at)
        .set("architecture", snapshot.architecture)
        .set("config", snapshot.config)
        .set("created_at", snapshot.created_at)
        .set("devices", snapshot.devices)
        .set("ephemeral", snapshot.ephemeral);
    if (!snapshot.expanded_config.empty()) json.set("expanded_config", snapshot.expanded_config);
    if (!snapshot.expanded_devices.empty()) json.set("expanded_devices", snapshot.expanded_devices);
    json.set("last_used_at", snapshot.last_used_at)
        .set("name", snapshot.name)
        .set("profiles", snapshot.profiles)
        .set("stateful", snapshot.stateful)
        .set("size", snapshot.size);
    return json;
}

InstanceSnapshot instance_snapshot_from(const Json& value) {
    InstanceSnapshot snapshot;
    value.as_object();
    json::read(value, "name", snapshot.name);
    json::read(value, "expires_at", snapshot.expires_at);
    json::read(value, "architecture", snapshot.architecture);
    json::read(value, "config", snapshot.config);
    json::read(value, "created_at", snapshot.created_at);
    json::read(value, "devices", snapshot.devices);
    json::read(value, "ephemeral", snapshot.ephemeral);
    json::read(value, "expanded_config", snapshot.expanded_config);
    json::read(value, "expanded_devices", snapshot.expanded_devices);
    json::read(value, "last_used_at", snapshot.last_used_at);
    json::read(value, "profiles", snapshot.profiles);
    json::read(value, "stateful", snapshot.stateful);
    json::read(value, "size", snapshot.size);
    return snapshot;
}

InstanceSnapshotsPost instance_snapshots_post_from(const Json& value) {
    InstanceSnapshotsPost post;
    value.as_object();
    json::read(value, "name", post.name);
    json::read(value, "stateful", post.stateful);
    json::read(value, "expires_at", post.expires_at);
    return post;
}

InstanceSnapshotPost instance_snapshot_post_from(const Json& value) {
    InstanceSnapshotPost post;
    value.as_object();
    json::read(value, "name", post.name);
    json::read(value, "migration", post.migration);
    json::read(value, "live", post.live);
    return post;
}

} // namespace schema
