#pragma once
// What a folder must get and lose to hold what a snapshot of it holds. A file is taken for unchanged where the kernel
// says so: it looks as in the snapshot, and its inode was last changed (ctime, which nobody inside can set) before the
// snapshot's copy of it was made. Called by drivers whose snapshots are copies.

#include <cstddef>
#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/cancel.h"

namespace storage {

struct FolderDifference {
    std::vector<std::string> put;  // the snapshot's, whatever has that name in the volume now
    std::vector<std::string> drop; // what the snapshot has not
};

struct TreeDifference {
    /// By paths that are folders on both sides, "" for the roots. One without names differs in its attributes alone.
    std::map<std::string, FolderDifference> folders;
    size_t same = 0;       // files
    size_t changed = 0;    // names to be put or dropped; a folder that is only on one side counts as one
    bool reachable = true; // false where a path is too long for the kernel: `folders` is then incomplete
};

struct DifferenceOptions {
    base::CancelToken cancel;
    std::string left_alone;   // a name in the roots that is taken for unchanged; none when empty
    timespec trusted_since{}; // copies made before that say nothing about what they are of
};

/// Of two open folders that nobody changes. Throws std::system_error or what the token throws.
TreeDifference tree_difference(int snapshot_fd, int volume_fd, const DifferenceOptions& options);

} // namespace storage
