#include "schema/api/backup.h"

#include <algorithm>
#include <set>
#include <span>
#include <string_view>

#include "schema/error.h"
#include "schema/names.h"
#include "schema/yaml.h"

namespace schema {

namespace {

Json to_json(const BackedUpSnapshot& snapshot) {
    Json json;
    json.set("architecture", snapshot.architecture)
        .set("config", Json(snapshot.config))
        .set("created_at", rfc3339(snapshot.created_at))
        .set("expires_at", rfc3339(snapshot.expires_at))
        .set("devices", Json(snapshot.devices))
        .set("ephemeral", snapshot.ephemeral)
        .set("expanded_config", Json(snapshot.expanded_config))
        .set("expanded_devices", Json(snapshot.expanded_devices))
        .set("last_used_at", rfc3339(snapshot.last_used_at))
        .set("name", snapshot.name)
        .set("profiles", Json(snapshot.profiles))
        .set("stateful", snapshot.stateful)
        .set("size", -1);
    return json;
}

BackedUpSnapshot snapshot_from(const Json& value) {
    BackedUpSnapshot snapshot;
    static_cast<InstancePut&>(snapshot) = instance_put_from(value);
    json::read(value, "name", snapshot.name);
    json::read(value, "created_at", snapshot.created_at);
    json::read(value, "expires_at", snapshot.expires_at);
    json::read(value, "last_used_at", snapshot.last_used_at);
    json::read(value, "expanded_config", snapshot.expanded_config);
    json::read(value, "expanded_devices", snapshot.expanded_devices);
    // LXD once wrote the instance's name before it.
    if (const auto slash = snapshot.name.find('/'); slash != std::string::npos) snapshot.name.erase(0, slash + 1);
    return snapshot;
}

StorageVolumeSnapshot volume_snapshot_from(const Json& value) {
    StorageVolumeSnapshot snapshot;
    json::read(value, "name", snapshot.name);
    json::read(value, "description", snapshot.description);
    json::read(value, "expires_at", snapshot.expires_at);
    json::read(value, "config", snapshot.config);
    json::read(value, "content_type", snapshot.content_type);
    json::read(value, "created_at", snapshot.created_at);
    // LXD once wrote the volume's name before it.
    if (const auto slash = snapshot.name.find('/'); slash != std::string::npos) snapshot.name.erase(0, slash + 1);
    return snapshot;
}

template <class T> Json list_of(const std::vector<T>& items) {
    auto list = Json::empty_array();
    for (const auto& item : items) list.push_back(to_json(item));
    return list;
}

/// Calls `read` with each element of a list; LXD leaves empty ones out.
template <class Read> void each_in(const Json& value, std::string_view key, const Read& read) {
    const auto* list = value.find(key);
    if (list == nullptr || list->is_null()) return;
    for (const auto& item : list->as_array())
        if (!item.is_null()) read(item);
}

/// Calls `read` with a member that is there.
template <class Read> void member_of(const Json& value, std::string_view key, const Read& read) {
    const auto* member = value.find(key);
    if (member != nullptr && !member->is_null()) read(*member);
}

Json config_json(const BackupConfig& config) {
    Json json;
    if (config.instance) json.set("container", to_json(*config.instance));
    if (!config.snapshots.empty()) json.set("snapshots", list_of(config.snapshots));
    if (config.pool) json.set("pool", to_json(*config.pool));
    if (!config.profiles.empty()) json.set("profiles", list_of(config.profiles));
    if (config.volume) json.set("volume", to_json(*config.volume));
    if (!config.volume_snapshots.empty()) json.set("volume_snapshots", list_of(config.volume_snapshots));
    return json;
}

BackupConfig config_from(const Json& value) {
    value.as_object();
    BackupConfig config;
    member_of(value, "container", [&](const Json& member) { config.instance = instance_from(member); });
    each_in(value, "snapshots", [&](const Json& item) { config.snapshots.push_back(snapshot_from(item)); });
    member_of(value, "pool", [&](const Json& member) { config.pool = storage_pool_from(member); });
    each_in(value, "profiles", [&](const Json& item) { config.profiles.push_back(profile_from(item)); });
    member_of(value, "volume", [&](const Json& member) { config.volume = storage_volume_from(member); });
    each_in(value, "volume_snapshots",
            [&](const Json& item) { config.volume_snapshots.push_back(volume_snapshot_from(item)); });
    return config;
}

void check_snapshot_names(const std::vector<std::string>& names) {
    std::set<std::string> seen;
    for (const auto& name : names) {
        if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos || name.size() > 255)
            throw bad_request("Invalid snapshot name {:?} in the backup", name);
        if (!seen.insert(name).second) throw bad_request("Snapshot {:?} is in the backup twice", name);
    }
}

/// What says that the snapshots are left out.
using Flags = std::span<const std::string_view>;
constexpr std::string_view of_instances[] = {"instance_only", "container_only"};
constexpr std::string_view of_volumes[] = {"volume_only"};

Json json_of(const Backup& backup, Flags flags) {
    Json json;
    json.set("name", backup.name)
        .set("created_at", rfc3339(backup.created_at))
        .set("expires_at", rfc3339(backup.expires_at));
    for (const auto flag : flags) json.set(flag, backup.without_snapshots);
    json.set("optimized_storage", backup.optimized_storage);
    return json;
}

BackupsPost post_from(const Json& value, Flags flags) {
    value.as_object();
    BackupsPost post;
    json::read(value, "name", post.name);
    json::read(value, "created_at", post.created_at);
    json::read(value, "optimized_storage", post.optimized_storage);
    json::read(value, "compression_algorithm", post.compression_algorithm);
    // The client sends "" for never.
    if (value["expires_at"] != Json("")) json::read(value, "expires_at", post.expires_at);
    for (const auto flag : flags) {
        bool without = false;
        json::read(value, flag, without);
        post.without_snapshots = post.without_snapshots || without;
    }
    return post;
}

} // namespace

Json instance_backup_json(const Backup& backup) {
    return json_of(backup, of_instances);
}

Json volume_backup_json(const Backup& backup) {
    return json_of(backup, of_volumes);
}

BackupsPost instance_backups_post_from(const Json& value) {
    return post_from(value, of_instances);
}

BackupsPost volume_backups_post_from(const Json& value) {
    return post_from(value, of_volumes);
}

std::string backup_yaml(const BackupConfig& config) {
    return yaml_from_json(config_json(config));
}

std::string index_yaml(const BackupIndex& index) {
    Json json;
    json.set("name", index.name).set("backend", index.backend).set("pool", index.pool);
    if (!index.snapshots.empty()) json.set("snapshots", Json(index.snapshots));
    json.set("optimized", index.optimized).set("optimized_header", index.optimized_header).set("type", index.type);
    if (index.config) json.set("config", config_json(*index.config));
    return yaml_from_json(json);
}

BackupConfig backup_config_from_yaml(const std::string& text) {
    return config_from(json_from_yaml(text));
}

BackupIndex backup_index_from_yaml(const std::string& text) {
    const auto json = json_from_yaml(text);
    json.as_object();
    BackupIndex index;
    json::read(json, "name", index.name);
    json::read(json, "backend", index.backend);
    json::read(json, "pool", index.pool);
    json::read(json, "snapshots", index.snapshots);
    json::read(json, "optimized", index.optimized);
    json::read(json, "optimized_header", index.optimized_header);
    json::read(json, "type", index.type);
    if (index.type.empty()) index.type = "container";
    member_of(json, "config", [&](const Json& member) { index.config = config_from(member); });
    if (index.name.empty()) throw bad_request("The backup's index.yaml names nothing");
    check_snapshot_names(index.snapshots);
    return index;
}

} // namespace schema
