#pragma once
// /1.0/storage-pools and their volumes.

#include <optional>
#include <string>
#include <vector>

#include "schema/config.h"
#include "schema/json.h"

namespace schema {

struct StoragePoolPut {
    Config config;
    std::string description;

    bool operator==(const StoragePoolPut&) const = default;
};

struct StoragePool : StoragePoolPut {
    std::string name;
    std::string driver;
    std::vector<std::string> used_by; // URLs
    std::string status = "Created";
    std::vector<std::string> locations{"none"};
};

struct StorageVolumePut {
    Config config;
    std::string description;

    bool operator==(const StorageVolumePut&) const = default;
};

struct StorageVolume : StorageVolumePut {
    std::string name;
    std::string type; // "container", "image" or "custom"
    std::vector<std::string> used_by;
    std::string location = "none";
    std::string content_type = "filesystem"; // or "block"
    std::string project = "default";
    Time created_at;
};

/// PUT and PATCH of a volume.
struct StorageVolumeChange {
    std::optional<Config> config; // nothing where the request has none
    std::string description;
    std::string restore; // a snapshot
};

/// Where a new volume's content comes from.
struct StorageVolumeSource {
    std::string type; // "": an empty volume, "copy" or "migration"
    std::string name;
    std::string pool;
    std::string mode;
    std::string project;
    bool volume_only = false;
    bool refresh = false;
};

struct StorageVolumesPost {
    std::optional<Config> config; // nothing: that of a copy's source
    std::string description;
    std::string name;
    std::string type;
    std::string content_type;
    StorageVolumeSource source;
};

/// A new name or another pool.
struct StorageVolumePost {
    std::string name;
    std::string pool;
    std::string project;
    bool migration = false;
    bool volume_only = false;
};

struct StorageVolumeSnapshot {
    std::string description;
    std::optional<Time> expires_at;
    std::string name; // without the volume's, but for the list of all, where LXD puts it before
    Config config;
    std::string content_type;
    Time created_at;
};

/// POST, PUT and PATCH of a volume's snapshots.
struct StorageVolumeSnapshotChange {
    std::string name;
    std::string description;
    std::optional<Time> expires_at;
};

Json to_json(const StoragePoolPut& pool);
Json to_json(const StoragePool& pool);
Json to_json(const StorageVolume& volume);
StoragePoolPut storage_pool_put_from(const Json& value, StoragePoolPut base = {});
StoragePool storage_pool_from(const Json& value);
Json to_json(const StorageVolumeSnapshot& snapshot);
StorageVolume storage_volume_from(const Json& value);
StorageVolumeChange storage_volume_change_from(const Json& value);
StorageVolumesPost storage_volumes_post_from(const Json& value);
StorageVolumePost storage_volume_post_from(const Json& value);
/// What the request leaves out is as in `base`.
StorageVolumeSnapshotChange storage_volume_snapshot_change_from(const Json& value,
                                                                StorageVolumeSnapshotChange base = {});

} // namespace schema
