#pragma once
// Whether two files lie on the same blocks of a disk, which says without reading that they hold the same: blocks that
// are shared are never written to. Called by restores of drivers whose snapshots are copies.

namespace storage {

/// Whether the filesystem of `fd` tells exactly where files lie: xfs, where all of them are on one device.
bool tells_extents(int fd);

/// Of two plain files of one size there, to which nobody writes now; what is still to be written is first. False where
/// they differ or where it cannot be told.
bool share_all_extents(int a, int b);

} // namespace storage
