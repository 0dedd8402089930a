#pragma once
// Backups of instances: archives in LXD's format, kept until they expire or are deleted, and instances made of such
// archives. Called by the API and the daemon's housekeeping. Everything is thread-safe.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/instance/backup_files.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/state/backups.h"
#include "daemon/state/database.h"
#include "daemon/state/paths.h"
#include "daemon/state/profiles.h"
#include "daemon/storage/keyed_lock.h"
#include "daemon/storage/pool.h"
#include "schema/api/backup.h"

namespace instance {

/// A backup that came from a client: its file is gone with this object.
struct BackupUpload {
    BackupUpload() = default;
    BackupUpload(const BackupUpload&) = delete;
    BackupUpload& operator=(const BackupUpload&) = delete;
    ~BackupUpload();

    std::string file;
    schema::BackupIndex index; // name and pool are those that were chosen
};

class Backups {
public:
    struct Rooms {
        const state::Paths& paths;
        base::Log& log;
        state::Database& database;
        state::Profiles& profiles;
        storage::Pools& pools;
        Registry& instances;
        Lifecycle& lifecycle;
    };
    explicit Backups(Rooms rooms) : rooms_(rooms), rows_(rooms.database) {}

    /// At the daemon's start: removes files that no backup has.
    void clean_up() const;

    std::vector<state::BackupRow> list() const { return rows_.list(); }
    std::vector<state::BackupRow> list(const std::string& instance) const { return rows_.list(instance); }
    /// Throws not_found "Instance backup not found".
    state::BackupRow get(const std::string& instance, const std::string& name) const;
    /// "backup0" or the first such name that is free.
    std::string free_name(const std::string& instance) const;
    /// `post.compression_algorithm` is chosen. All or nothing. Throws failure where the name is taken. `progress` is
    /// told the archive's bytes so far.
    void create(const std::string& instance, const schema::InstanceBackupsPost& post, const base::CancelToken& cancel,
                const std::function<void(uint64_t bytes)>& progress);
    void rename(const std::string& instance, const std::string& name, const std::string& new_name);
    void remove(const std::string& instance, const std::string& name);
    bool has_expired(schema::Time now) const;
    /// Removes those whose time has come; returns their names as "INSTANCE/BACKUP".
    std::vector<std::string> remove_expired(schema::Time now);
    std::string file(const state::BackupRow& row) const { return backup_file(rooms_.paths, row.id); }

    /// Stores what `read` gives (see images::ByteSource) and looks into it. `name` and `pool` replace those of the
    /// backup where they are not empty. Throws bad_request for what is no backup, failure for an unknown pool.
    std::shared_ptr<BackupUpload> receive(const std::function<size_t(char* buffer, size_t size)>& read,
                                          const std::string& name, const std::string& pool) const;
    /// Makes the instance; all or nothing.
    void restore(const BackupUpload& upload, const Caller& caller, const storage::Progress& progress);

private:
    std::string folder() const { return backup_folder(rooms_.paths); }
    void write(int file, const std::string& instance, const schema::InstanceBackupsPost& post,
               const base::CancelToken& cancel, const std::function<void(uint64_t)>& progress) const;
    std::string chosen_pool(const schema::BackupIndex& index, const std::string& wanted) const;
    schema::BackupConfig config_of(const BackupUpload& upload, const base::CancelToken& cancel) const;

    Rooms rooms_;
    state::Backups rows_;
    storage::KeyedLock making_; // by "INSTANCE/BACKUP"
};

} // namespace instance
