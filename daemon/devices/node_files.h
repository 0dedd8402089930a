#pragma once
// Names of files in a container's devices folder, pure: "unix.DEVICE.PATH", as LXD has them.

#include <string>
#include <string_view>

namespace devices {

/// LXD's way to have a path in a file's name: "mnt/a-b" -> "mnt-a--b".
std::string encoded_path(std::string_view path);
/// And back.
std::string decoded_path(std::string_view name);

/// What the names of a device's node files begin with: "unix.NAME.". Unlike LXD's a dot in the device's name is written
/// "%2e", so that no device's prefix is another's.
std::string node_prefix(std::string_view kind, std::string_view device);
/// The path behind the prefix of a node file, whatever device has it: "unix.a.dev-null" -> "/dev/null"; empty for other
/// files.
std::string path_of_node(std::string_view file);

/// Without the slashes at its beginning.
std::string_view relative(std::string_view path);
/// As a field of lxc.mount.entry, where blanks are written as in fstab.
std::string mount_field(std::string_view path);
/// Whether a part of the path is "..".
bool leads_up(std::string_view path);

} // namespace devices
