#pragma once
// What backups and backup.yaml say of an instance: its configuration and that of its snapshots, its pool and all
// profiles. Called by backups and by whoever changes an instance.

#include <optional>
#include <string>

#include "daemon/instance/registry.h"
#include "daemon/state/profiles.h"
#include "daemon/state/snapshots.h"
#include "daemon/storage/pool.h"
#include "schema/api/backup.h"

namespace instance {

struct BackupConfigRooms {
    const Registry& instances;
    const state::Profiles& profiles;
    const state::Snapshots& snapshots;
    const storage::Pools& pools;
};

/// `ids_as_inside`: for an archive, where owners are those that are seen inside.
schema::BackupConfig backup_config(const Instance& instance, bool with_snapshots, bool ids_as_inside,
                                   const BackupConfigRooms& rooms);

/// Replaces backup.yaml in an instance's volume, readable by root alone.
void write_backup_file(const std::string& folder, const std::string& text);
/// Whether a crash left none, or a power cut one with nothing in it, in a volume that is to be seen there. Removes what
/// a write that was cut off left: nobody else may write it meanwhile.
bool lacks_backup_file(const std::string& folder);
/// What it says; nothing where there is none. Throws bad_request for one that cannot be read as such, or is a link.
std::optional<schema::BackupConfig> read_backup_file(const std::string& folder);

} // namespace instance
