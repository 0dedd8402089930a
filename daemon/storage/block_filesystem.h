#pragma once
// Filesystems on block devices of volumes: making, growing, shrinking, telling them apart. Called by the driver lvm.

#include <cstdint>
#include <string>

#include "daemon/storage/commands.h"

namespace storage::block_filesystem {

/// "ext4", "xfs" or "btrfs" of what lies on a device; throws where there is nothing.
std::string type_of(Commands& commands, const std::string& device);

void make(Commands& commands, const std::string& type, const std::string& device);
/// To the size that the device has now; xfs and btrfs grow where they are mounted.
void grow(Commands& commands, const std::string& type, const std::string& device, const std::string& mount_point);
/// Before its device gets smaller; it must not be mounted. Throws "Cannot be shrunk" where it cannot.
void shrink(Commands& commands, const std::string& type, const std::string& device, int64_t bytes);
/// A copy of a btrfs must not have the id of the original; others are told apart when they are mounted.
void renew_id(Commands& commands, const std::string& type, const std::string& device);
/// What a mount needs beyond what the pool says: an xfs may be the copy of a mounted one, and what is read-only cannot
/// replay its journal.
std::string extra_options(const std::string& type, bool read_only);

} // namespace storage::block_filesystem
