#pragma once
// Mount options as pools and volumes name them ("noatime,discard") in the two forms of mount(2). Called by drivers that
// mount filesystems.

#include <string>
#include <string_view>

namespace storage {

struct MountOptions {
    unsigned long flags = 0;
    std::string data; // what is the filesystem's own, in its order
};

MountOptions mount_options(std::string_view text);

/// mount(2); throws schema::failure with LXD's text. `type` "none" binds or, with an empty source, remounts.
void mount_filesystem(const std::string& source, const std::string& target, const std::string& type,
                      const MountOptions& options);
/// Not an error when nothing is mounted there. Waits for nothing: a busy one throws.
void unmount_filesystem(const std::string& target);

} // namespace storage
