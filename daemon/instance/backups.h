#pragma once
// Backups of instances: archives in LXD's format, kept until they expire or are deleted, and instances made of such
// archives. Called by the API and the daemon's housekeeping. Everything is thread-safe.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/state/backups.h"
#include "daemon/state/database.h"
#include "daemon/state/paths.h"
#include "daemon/state/profiles.h"
#include "daemon/storage/backup_archive.h"
#include "daemon/storage/kept_backups.h"
#include "daemon/storage/pool.h"
#include "schema/api/backup.h"

namespace instance {

using storage::BackupUpload;

class Backups {
public:
    struct Rooms {
        storage::DaemonFolder& folder;
        base::Log& log;
        state::Database& database;
        state::Profiles& profiles;
        storage::Pools& pools;
        Registry& instances;
        Lifecycle& lifecycle;
    };
    explicit Backups(Rooms rooms) : rooms_(rooms), kept_(rooms.database, state::instance_backups, rooms.folder) {}

    storage::KeptBackups& kept() { return kept_; }
    /// `post.compression_algorithm` is chosen; that it is to be in the driver's own format does not count where the
    /// driver has none, as with LXD. All or nothing. Throws failure where the name is taken. `progress` is
    /// told the archive's bytes so far.
    void create(const std::string& instance, schema::BackupsPost post, const base::CancelToken& cancel,
                const std::function<void(uint64_t bytes)>& progress);

    /// What a client sends. `name` and `pool` replace those of the backup where they are not empty. Throws bad_request
    /// for what is no backup, failure for an unknown pool.
    std::shared_ptr<BackupUpload> receive(const std::function<size_t(char* buffer, size_t size)>& read,
                                          const std::string& name, const std::string& pool) const;
    /// Makes the instance; all or nothing.
    void restore(const BackupUpload& upload, const Caller& caller, const storage::Progress& progress);

private:
    void write(int file, const std::string& instance, const schema::BackupsPost& post, const base::CancelToken& cancel,
               const std::function<void(uint64_t)>& progress) const;
    void write_streams(storage::TarWriter& writer, const Instance& instance, const schema::BackupConfig& config,
                       const base::CancelToken& cancel) const;
    std::string chosen_pool(const schema::BackupIndex& index, const std::string& wanted) const;
    schema::BackupConfig config_of(const BackupUpload& upload, const base::CancelToken& cancel) const;

    Rooms rooms_;
    storage::KeptBackups kept_;
};

} // namespace instance
