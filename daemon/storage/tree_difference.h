#pragma once
// What a folder must get and lose to hold what a snapshot of it holds. Nothing is taken for unchanged on the word of a
// time or an inode: all that can be seen of two files is compared, but for what they hold, which the caller judges.
// Called by drivers whose snapshots are copies.

#include <cstddef>
#include <functional>
#include <map>
#include <string>
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
    bool reachable = true; // false where a path is too long for the kernel, or something is mounted: not all is told
};

struct DifferenceOptions {
    /// Whether two open files of the same size, which is not 0, certainly hold the same. Called by several threads.
    std::function<bool(int snapshot_fd, int volume_fd)> same_content;
    base::CancelToken cancel{};
    unsigned threads = 1;
};

/// Of two open folders that nobody changes. Throws std::system_error or what the token throws.
TreeDifference tree_difference(int snapshot_fd, int volume_fd, const DifferenceOptions& options);

} // namespace storage
