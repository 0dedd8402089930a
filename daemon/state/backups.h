#pragma once
// Rows of instances' backups; they go with their instance's row. Written by instance/backups.h alone.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/state/database.h"
#include "schema/api/backup.h"

namespace state {

struct BackupRow : schema::InstanceBackup {
    int64_t id = 0; // set by insert
    std::string instance;
};

class Backups {
public:
    explicit Backups(Database& database) : database_(database) {}

    std::vector<BackupRow> list() const; // by the instances' names, then by age
    std::vector<BackupRow> list(const std::string& instance) const;
    std::optional<BackupRow> find(const std::string& instance, const std::string& name) const;
    /// Throws conflict where the name is taken, not_found without the instance. `keep` is called with the id before the
    /// row can be seen: when it throws, there is no row.
    void insert(const BackupRow& row, const std::function<void(int64_t id)>& keep);
    /// Throws conflict where the new name is taken.
    void rename(int64_t id, const std::string& new_name);
    void remove(int64_t id);

private:
    Database& database_;
};

} // namespace state
