#pragma once
// What a pool's content lies on: a file of the daemon's or a block device. Called by the drivers that format one.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace storage {

/// LXD_DIR/disks/NAME.img of the pool whose folder this is.
std::string loop_file(const std::string& pool_path, const std::string& pool);
/// LXD's size of a loop file where nobody says one: a fifth of the filesystem, at least 5 and at most 30 GiB.
std::string default_loop_size(const std::string& folder);
/// The same for a filesystem of so many bytes.
std::string default_loop_size(uint64_t bytes);
/// A new file of that size that takes no space yet; its folder is made, too. Throws where there is one already.
void make_sparse_file(const std::string& path, int64_t bytes);
/// Throws bad_request when the file is larger.
void grow_file(const std::string& path, int64_t bytes);

bool is_block_device(const std::string& path);
/// In bytes.
int64_t block_device_size(const std::string& path);
/// mkfs.TYPE with the program's own care: it refuses a device that holds something.
void make_filesystem(const std::string& type, const std::string& label, const std::string& device);
/// The words of that call.
std::vector<std::string> mkfs_command(const std::string& type, const std::string& label, const std::string& device);
/// /dev/disk/by-uuid/UUID once udev has made it; nothing on a host without such links.
std::optional<std::string> device_by_uuid(const std::string& uuid);

} // namespace storage
