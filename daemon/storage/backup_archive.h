#pragma once
// The archives of backups, in LXD's format: what those of instances and of custom volumes have in common. Called by
// instance/backups.h and storage/volume_backups.h.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "daemon/base/cancel.h"
#include "daemon/storage/daemon_folder.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/tar_writer.h"
#include "schema/api/backup.h"

namespace storage {

struct BackupWriting {
    int file = -1; // new and open
    const std::string& compression;
    const base::CancelToken& cancel;
    const std::function<void(uint64_t bytes)>& progress; // told the bytes of the archive so far
};

/// Writes the index, then what `add` adds.
void write_backup(const BackupWriting& writing, const schema::BackupIndex& index,
                  const std::function<void(TarWriter& writer)>& add);

/// One that came from a client. Its file is gone with this object.
struct BackupUpload {
    BackupUpload() = default;
    BackupUpload(const BackupUpload&) = delete;
    BackupUpload& operator=(const BackupUpload&) = delete;
    ~BackupUpload();

    DaemonFolder::Hold staying;
    std::string file; // a tar archive, compressed or not
    schema::BackupIndex index;
};

/// Stores what `read` gives (see images::ByteSource) in a file of that folder and looks into it. Throws bad_request for
/// what is no backup, or one of another type than is wanted, which is "container" or "custom".
std::shared_ptr<BackupUpload> receive_backup(DaemonFolder& folder,
                                             const std::function<size_t(char* buffer, size_t size)>& read,
                                             const std::string& type);

/// Throws failure where volumes cannot be made there of such a backup.
void check_can_restore(Driver& driver, const schema::BackupIndex& index);

/// As long as none is received: what a crash left of those that were.
void remove_backup_uploads(const std::string& folder);

} // namespace storage
