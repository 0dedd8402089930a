#pragma once
// Subvolumes as streams of `btrfs send`, one each: what copies between pools and backups have in common. Part of the
// driver btrfs.

#include <string>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/received_subvolume.h"
#include "daemon/storage/subvolume.h"

namespace storage::subvolume_streams {

/// Where a volume or a snapshot is made until it can be renamed.
std::string temporary(const std::string& pool_path, const VolumeId& volume);

/// Of a read-only subvolume; as a difference from another one where `parent` is not empty.
void send(const std::string& path, const std::string& parent, int to, const base::CancelToken& cancel);

struct NestedPlace {
    const std::string& outer;  // a subvolume
    const std::string& path;   // in it; not trusted
    const std::string& beside; // where it is made: what streams come to is never reached through a path of theirs
};
/// It stays writable. `stream` has begun; nothing is left of a failure.
Received receive_nested(send_stream::Reader& stream, const NestedPlace& place, const FindParent& find_parent,
                        const base::CancelToken& cancel);
/// Those that are to be it, when nothing is put into them any more.
void set_read_only(const std::string& outer, const std::vector<subvolume::Nested>& nested);

} // namespace storage::subvolume_streams
