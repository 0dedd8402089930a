#pragma once
// Copies a file tree as it is: owner, mode with its setuid bits, extended attributes (capabilities and ACLs among
// them), times, hard links, symbolic links, devices, FIFOs, sockets and holes. Called by drivers that have no
// snapshots.

#include <functional>
#include <string>
#include <vector>

#include "daemon/base/cancel.h"

namespace storage {

struct TreeCopyOptions {
    base::CancelToken cancel;
    std::function<void(int percent)> progress; // costs a walk over the source beforehand; may be empty
    unsigned threads = 2;                      // for file contents; a small tree is copied by one alone
    bool reflink = true;                       // share extents (FICLONE) where the filesystem can
    /// A folder of the target's filesystem that nobody changes, or nothing: files of copy_tree that hold the same as
    /// those with their paths in there share extents with them, where the filesystem can.
    std::string alike{};
};

/// Copies what is in the folder `source_fd` into the empty folder `target_fd`, then the folder's own attributes.
/// Everything is reached relative to open folders, so no link is ever followed, and other filesystems mounted inside
/// are left out. Throws std::system_error or what the token throws; the target is then incomplete and the caller's to
/// remove.
void copy_tree(int source_fd, int target_fd, const TreeCopyOptions& options);

/// How many threads a copy is worth on this host.
unsigned copying_threads();

/// Names in one folder of a source.
struct TreePart {
    std::string folder; // its path, "" for the source itself
    std::vector<std::string> names;
};

/// As copy_tree, of parts of a source alone: the names of the first into a new folder "0" of `target_fd`, those of the
/// second into "1". These folders' own attributes are the caller's. Files with names in several parts are linked as in
/// the source.
void copy_parts(int source_fd, const std::vector<TreePart>& parts, int target_fd, const TreeCopyOptions& options);

} // namespace storage
