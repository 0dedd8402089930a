#pragma once
// Finds the devices of ZFS's block volumes, which the kernel makes some time after it was asked to. Called by the
// commands of drivers alone.

#include <string>

namespace storage {

/// "/dev/zd16" of "tank/custom/v" or of "tank/custom/v@snapshot-s"; waits for it up to half a minute, then throws.
std::string zvol_device(const std::string& dataset);

} // namespace storage
