#pragma once
// raw.mount.options of a disk, pure: what of them is the mount's and what its filesystem's. Used by device_host.

#include <cstdint>
#include <string>
#include <string_view>

namespace instance {

struct MountOptions {
    unsigned long flags = 0;   // MS_NOSUID and so on, for a new mount
    uint64_t attributes = 0;   // the same as MOUNT_ATTR_NOSUID and so on, for one that is there
    uint64_t cleared = 0;      // attributes that go before
    std::string of_filesystem; // the others, as they are
};

MountOptions parse_mount_options(std::string_view text);

} // namespace instance
