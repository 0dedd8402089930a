#pragma once
// The second half of a restore in place: what was copied from the snapshot changes places with what the volume has.
// Called by drivers whose snapshots are copies.

#include <stdexcept>

#include "daemon/storage/tree_difference.h"

namespace storage {

/// What was begun could be neither finished nor undone: the volume holds some of both.
struct HalfExchanged : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// `staged_fd` has a folder for each of the difference's, "0" for the first, with the names that are to be put. Each of
/// them changes places with what the volume has under it, and what is to be dropped goes there, too; then the volume's
/// folder gets the attributes that the snapshot's has. It takes no space for content. All or nothing: throws
/// std::system_error once all is as it was, else HalfExchanged.
void exchange_trees(int snapshot_fd, int staged_fd, int volume_fd, const TreeDifference& difference);

} // namespace storage
