#include "daemon/instance/backup_files.h"

#include "daemon/state/backups.h"

namespace instance {

std::string backup_folder(const state::Paths& paths) {
    return paths.backups() + "/instances";
}

std::string backup_file(const state::Paths& paths, int64_t id) {
    return backup_folder(paths) + "/" + std::to_string(id);
}

std::vector<std::string> backup_files(const state::Paths& paths, state::Database& database,
                                      const std::string& instance) {
    std::vector<std::string> files;
    for (const auto& row : state::Backups(database).list(instance)) files.push_back(backup_file(paths, row.id));
    return files;
}

} // namespace instance
