#pragma once
// Where the archives of backups are. Called by backups, and by lifecycle for those of an instance that goes.

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/state/database.h"
#include "daemon/state/paths.h"

namespace instance {

std::string backup_folder(const state::Paths& paths);
std::string backup_file(const state::Paths& paths, int64_t id);
/// Of all backups of an instance.
std::vector<std::string> backup_files(const state::Paths& paths, state::Database& database,
                                      const std::string& instance);

} // namespace instance
