#pragma once
// Rows of the backups of instances and of custom volumes; they go with their owner's row. Written by
// storage/kept_backups.h alone.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/state/database.h"
#include "schema/api/backup.h"

namespace state {

struct BackupRow : schema::Backup {
    int64_t id = 0;    // set by insert
    std::string owner; // an instance, or a custom volume as "POOL/VOLUME"
};

/// Where the rows of one kind are.
struct BackupTable {
    const char* name;
    const char* owner_id;          // the column that says whose a backup is
    const char* without_snapshots; // the flag's column
    const char* owners;            // where those are, under the name o
    const char* owner;             // what one is called
    const char* order;             // the column by which those of one owner are listed, which is LXD's
    const char* no_owner;          // what is said where that is not there
    const char* no_backup;         // and where the backup is not
    const char* folder;            // of their archives, in that of all backups
};
extern const BackupTable instance_backups;
extern const BackupTable volume_backups;

class Backups {
public:
    Backups(Database& database, const BackupTable& table);

    std::vector<BackupRow> list() const; // by the owners' names, then by age
    std::vector<BackupRow> list(const std::string& owner) const;
    std::optional<BackupRow> find(const std::string& owner, const std::string& name) const;
    /// Throws conflict where the name is taken, not_found without the owner. `keep` is called with the id before the
    /// row can be seen: when it throws, there is no row.
    void insert(const BackupRow& row, const std::function<void(int64_t id)>& keep);
    /// Throws conflict where the new name is taken.
    void rename(int64_t id, const std::string& new_name);
    void remove(int64_t id);

private:
    Database& database_;
    const BackupTable& table_;
    std::string select_, list_all_, list_, find_, find_owner_, insert_, rename_, remove_;
};

} // namespace state
