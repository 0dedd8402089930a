#pragma once
// /1.0/instances/NAME/snapshots: a snapshot of an instance and the bodies of the calls on it.

#include <optional>
#include <string>
#include <vector>

#include "schema/config.h"
#include "schema/json.h"

namespace schema {

struct InstanceSnapshot {
    std::string name;
    Time expires_at; // Time{}: never
    std::string architecture;
    Config config;
    Time created_at;
    Devices devices;
    bool ephemeral = false;
    Config expanded_config;
    Devices expanded_devices;
    Time last_used_at;
    std::vector<std::string> profiles;
    bool stateful = false;
    int64_t size = -1; // bytes used; -1: not known
};

struct InstanceSnapshotsPost {
    std::string name; // empty: by snapshots.pattern
    bool stateful = false;
    std::optional<Time> expires_at; // nothing: by snapshots.expiry
};

/// A rename, or a source of migration.
struct InstanceSnapshotPost {
    std::optional<std::string> name;
    bool migration = false;
    bool live = false;
};

Json to_json(const InstanceSnapshot& snapshot);
InstanceSnapshot instance_snapshot_from(const Json& value);
InstanceSnapshotsPost instance_snapshots_post_from(const Json& value);
InstanceSnapshotPost instance_snapshot_post_from(const Json& value);

} // namespace schema
