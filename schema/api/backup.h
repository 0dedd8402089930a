#pragma once
// The backups of instances and of custom volumes, and what a backup's index.yaml and a volume's backup.yaml say.

#include <optional>
#include <string>
#include <vector>

#include "schema/api/instance.h"
#include "schema/api/profile.h"
#include "schema/api/storage.h"
#include "schema/json.h"

namespace schema {

struct Backup {
    std::string name;
    Time created_at;
    Time expires_at; // Time{}: never
    bool without_snapshots = false;
    bool optimized_storage = false;
};

struct BackupsPost : Backup {
    std::string compression_algorithm;
};

/// A snapshot of an instance as backups describe it.
struct BackedUpSnapshot : InstancePut {
    std::string name; // without the instance's
    Time created_at;
    Time last_used_at;
    Time expires_at;
    Config expanded_config;
    Devices expanded_devices;
};

/// Of an instance, or (with no `instance`) of a custom volume. What a file lacks is not set.
struct BackupConfig {
    std::optional<Instance> instance;
    std::vector<BackedUpSnapshot> snapshots; // oldest first
    std::optional<StoragePool> pool;
    std::vector<Profile> profiles;
    std::optional<StorageVolume> volume;
    std::vector<StorageVolumeSnapshot> volume_snapshots;
};

struct BackupIndex {
    std::string name;
    std::string backend; // the driver's name
    std::string pool;
    std::vector<std::string> snapshots; // names, oldest first
    bool optimized = false;
    bool optimized_header = false;
    std::string type = "container"; // or "custom", "virtual-machine"
    std::optional<BackupConfig> config;
};

Json instance_backup_json(const Backup& backup);
Json volume_backup_json(const Backup& backup);
BackupsPost instance_backups_post_from(const Json& value);
BackupsPost volume_backups_post_from(const Json& value);

std::string backup_yaml(const BackupConfig& config);
std::string index_yaml(const BackupIndex& index);
/// Throws bad_request where it is no YAML or a value is of another kind than LXD's.
BackupConfig backup_config_from_yaml(const std::string& text);
/// As above, also where it names no instance or volume, or one that could not be called that.
BackupIndex backup_index_from_yaml(const std::string& text);

} // namespace schema
