#pragma once
// Small file work: whole-file reads and writes, atomic replacement, and path resolution confined to a folder.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "daemon/base/fd.h"

namespace base {

/// The whole of a (small) file; throws std::system_error naming the path.
std::string read_file(const std::string& path);
/// As read_file; nothing where the file does not exist.
std::optional<std::string> read_file_if_exists(const std::string& path);
/// Writes in place (for cgroup and sysctl files, or files nobody else reads).
void write_file(const std::string& path, std::string_view content, mode_t mode = 0600);
/// Writes a temporary file beside it, syncs and renames, so that a crash leaves the old or the new content.
void replace_file(const std::string& path, std::string_view content, mode_t mode = 0600);

bool exists(const std::string& path);
/// Makes the folder with exactly this mode if it is missing; parents must exist.
void make_dir(const std::string& path, mode_t mode);
/// Removes a tree without following links or crossing mounts; not an error when it is missing.
void remove_tree(const std::string& path);

/// Opens `path` below the folder `root_fd` as if that folder were `/` (openat2 RESOLVE_IN_ROOT): neither `..` nor a
/// link, absolute or relative, leads out. Throws std::system_error.
Fd open_in_root(int root_fd, const std::string& path, int flags, mode_t mode = 0);
/// As open_in_root; additionally refuses every symbolic link on the way (RESOLVE_BENEATH | NO_SYMLINKS).
Fd open_beneath(int root_fd, const std::string& path, int flags, mode_t mode = 0);

/// A text without spaces, tabs and newlines at its end.
std::string_view trimmed(std::string_view text) noexcept;

} // namespace base
