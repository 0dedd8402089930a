#pragma once
// Finds volumes on pools that the database does not know, after it was lost, and makes their rows again from the
// backup.yaml in each. Called by `lxd recover` through the API. Nothing on a pool is changed or removed.

#include <string>
#include <vector>

#include "daemon/base/log.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/state/database.h"
#include "daemon/state/profiles.h"
#include "daemon/storage/pool.h"
#include "schema/api/backup.h"

namespace instance {

struct RecoverRooms {
    base::Log& log;
    state::Database& database;
    state::Profiles& profiles;
    storage::Pools& pools;
    Registry& instances;
    Lifecycle& lifecycle;
};

struct FoundVolume {
    std::string pool;
    std::string type; // "container" or "volume"
    std::string name;
    std::vector<std::string> snapshots;
    std::vector<std::string> profiles{};
    schema::BackupConfig config{}; // of a container
};

struct Found {
    std::vector<FoundVolume> volumes;
    std::vector<std::string> missing; // what has to be made before: `Profile "web" in project "default"`
};

/// `pools` are those to be looked into; those that the database lacks come with driver and configuration. Throws what
/// is wrong with one of them.
Found find_lost(const std::vector<schema::StoragePool>& pools, const RecoverRooms& rooms);
/// Makes the rows of all that find_lost finds; throws failure where something is missing.
void recover(const std::vector<schema::StoragePool>& pools, const RecoverRooms& rooms);

} // namespace instance
