#pragma once
// What an instance and its snapshots are to be when they come from a backup or are recovered from a pool, of which
// nothing is trusted. Pure but for the profiles that it looks up.

#include <string>
#include <vector>

#include "daemon/instance/lifecycle.h"
#include "daemon/state/profiles.h"
#include "daemon/state/snapshots.h"
#include "schema/api/backup.h"

namespace instance {

/// The order for the instance, under a name and on a pool that may differ from those of the backup: with a root disk
/// of its own where its profiles have none on that pool. Throws bad_request for names that cannot be, failure for a
/// profile that is not there.
Creation restored(const schema::BackupConfig& config, const std::string& name, const std::string& pool,
                  const state::Profiles& profiles);
/// The rows of the index's snapshots, oldest first. Throws bad_request where one of them is not described.
std::vector<state::SnapshotRow> restored_snapshots(const schema::BackupConfig& config, const std::string& name,
                                                   const std::string& pool, const std::vector<std::string>& names,
                                                   const state::Profiles& profiles);

} // namespace instance
