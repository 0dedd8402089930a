#pragma once
// Which disks a file lies on, for their limits. Called by node_host.

#include <string>
#include <vector>

namespace instance {

/// "MAJOR:MINOR" of each whole disk below the filesystem of `path`, or that the block device `path` is or is a part of.
/// Empty where the filesystem has no disk (tmpfs, overlay). Throws std::system_error.
std::vector<std::string> backing_disks(const std::string& path);

/// The paths of a pool's disks in what `zpool status -P -L` prints; pure.
std::vector<std::string> disks_of_zpool(const std::string& status);

} // namespace instance
