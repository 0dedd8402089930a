#pragma once
// Backups of custom volumes: archives in LXD's format, kept until they expire or are deleted, and volumes made of such
// archives. Called by the API and the daemon's housekeeping. Everything is thread-safe.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "daemon/base/cancel.h"
#include "daemon/state/database.h"
#include "daemon/storage/backup_archive.h"
#include "daemon/storage/daemon_folder.h"
#include "daemon/storage/kept_backups.h"
#include "daemon/storage/pool.h"
#include "daemon/storage/volumes.h"
#include "schema/api/backup.h"

namespace storage {

class VolumeBackups {
public:
    struct Rooms {
        DaemonFolder& folder;
        state::Database& database;
        Pools& pools;
        Volumes& volumes;
    };
    explicit VolumeBackups(Rooms rooms) : rooms_(rooms), kept_(rooms.database, state::volume_backups, rooms.folder) {}

    /// The owners are volumes as "POOL/VOLUME".
    KeptBackups& kept() { return kept_; }
    static std::string owner(const VolumePlace& volume) { return volume.pool + "/" + volume.name; }
    /// `post.compression_algorithm` is chosen; that it is to be in the driver's own format does not count where the
    /// driver has none, as with LXD. All or nothing. Throws failure where the name is taken. `progress` is
    /// told the archive's bytes so far.
    void create(const VolumePlace& volume, schema::BackupsPost post, const base::CancelToken& cancel,
                const std::function<void(uint64_t bytes)>& progress);

    /// What a client sends for a pool. `name` replaces that of the backup where it is not empty. Throws bad_request for
    /// what is no backup of a volume, failure for an unknown pool.
    std::shared_ptr<BackupUpload> receive(const std::function<size_t(char* buffer, size_t size)>& read,
                                          const std::string& name, const std::string& pool) const;
    /// Makes the volume; all or nothing.
    void restore(const BackupUpload& upload, const base::CancelToken& cancel);

private:
    void write(const BackupWriting& writing, const VolumePlace& volume, const schema::BackupsPost& post);

    Rooms rooms_;
    KeptBackups kept_;
};

} // namespace storage
