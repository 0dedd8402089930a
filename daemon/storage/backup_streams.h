#pragma once
// Archives of backups whose volumes are in a driver's own format. Called by instance/backups.h and
// storage/volume_backups.h.

#include <functional>
#include <string>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/storage/backup_archive.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/tar_writer.h"

namespace storage {

/// Adds a volume with these snapshots of it. Its streams are in `folder` before they are in the archive, which says how
/// long they are ahead of them; nothing stays there. The driver has an own_format().
void add_streams(TarWriter& writer, Driver& driver, const VolumeId& volume, const std::vector<std::string>& snapshots,
                 const std::string& folder, const base::CancelToken& cancel);

/// Makes the volume and its snapshots of a backup that check_can_restore has passed; all or nothing. `accept` is
/// OwnFormat::Source's.
void load_streams(Driver& driver, const VolumeId& volume, const BackupUpload& upload,
                  const std::function<void(const std::string& folder)>& accept, const base::CancelToken& cancel);

} // namespace storage
