#pragma once
// Quota groups of btrfs subvolumes, by ioctl. Called by the driver btrfs.

#include <cstdint>
#include <optional>

namespace storage::btrfs_quota {

struct Usage {
    int64_t referenced = 0; // all that the subvolume shows
    int64_t exclusive = 0;  // what would be free without it
};

/// Nothing where the filesystem counts nothing (no limit was ever set on it).
std::optional<Usage> usage(int subvolume);
/// Makes it count what all its subvolumes use, where it does not, and waits for that.
void begin(int filesystem);
/// Of referenced bytes; 0 for none.
int64_t limit(int subvolume);
/// `filesystem` is a folder outside of the subvolume: a full one lets nobody change its limit through itself. Begins to
/// count on the whole filesystem when it is the first limit there, and waits for that.
void set_limit(int filesystem, uint64_t subvolume_id, int64_t bytes);

} // namespace storage::btrfs_quota
