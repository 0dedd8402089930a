#pragma once
// Backups that are kept: a row and an archive of each, until they expire or are deleted, or their owner is. What those
// of instances (instance/backups.h) and of custom volumes (storage/volume_backups.h) have in common. Everything is
// thread-safe.

#include <functional>
#include <string>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/state/backups.h"
#include "daemon/state/database.h"
#include "daemon/storage/daemon_folder.h"
#include "daemon/storage/keyed_lock.h"

namespace storage {

/// Removes the archives among `backups` that no row tells of any more; those that are being written stay. Where that
/// is being moved or out of reach it is done later (KeptBackups::clean_up).
void remove_ownerless_backups(state::Database& database, const state::BackupTable& table, DaemonFolder& backups);

class KeptBackups {
public:
    /// The archive of each is a file in the table's folder of `backups` that is called by its row's id.
    KeptBackups(state::Database& database, const state::BackupTable& table, DaemonFolder& backups)
        : database_(database), table_(table), rows_(database, table), backups_(backups),
          folder_(backups.path() + "/" + table.folder) {}

    /// When the folder is opened: removes what was never completed, and files that no backup has.
    void clean_up() const;

    std::vector<state::BackupRow> list() const { return rows_.list(); }
    std::vector<state::BackupRow> list(const std::string& owner) const { return rows_.list(owner); }
    /// Throws not_found.
    state::BackupRow get(const std::string& owner, const std::string& name) const;
    /// "backup0" or the first such name that is free.
    std::string free_name(const std::string& owner) const;
    std::string file(const state::BackupRow& row) const;

    /// Keeps what `write` writes to an open new file. All or nothing. Throws failure where the name is taken.
    void create(const std::string& owner, const schema::Backup& backup, const base::CancelToken& cancel,
                const std::function<void(int file)>& write);
    void rename(const state::BackupRow& row, const std::string& new_name) { rows_.rename(row.id, new_name); }
    void remove(const state::BackupRow& row);
    bool has_expired(schema::Time now) const;
    /// Removes those whose time has come; returns their names as "OWNER/BACKUP".
    std::vector<std::string> remove_expired(schema::Time now);
    /// To be called when an owner has gone, whose rows went with it.
    void remove_ownerless() const { remove_ownerless_backups(database_, table_, backups_); }

private:
    state::Database& database_;
    const state::BackupTable& table_;
    state::Backups rows_;
    DaemonFolder& backups_;
    std::string folder_;
    KeyedLock making_; // by "OWNER/BACKUP"
};

} // namespace storage
