#pragma once
// Squashfs images, through the program unsquashfs. Called by archive.cpp.

#include <optional>
#include <string>

#include "daemon/base/cancel.h"

namespace storage {

/// Unpacks into a new folder that nobody else has put anything into: unsquashfs makes what it writes through itself, so
/// that no link of the image is ever followed. Cancelling kills it. Throws schema::failure with its words.
void unpack_squashfs(const std::string& file, const std::string& folder, const base::CancelToken& cancel);
/// Throws bad_request where the file is shorter than its header says.
void check_squashfs(const std::string& file);
/// Throws bad_request for one whose files are too many or come to too much.
void check_squashfs_files(const std::string& file, const base::CancelToken& cancel);
/// The content of a (small) regular file at the top; nothing where it is missing.
std::optional<std::string> squashfs_member(const std::string& file, const std::string& name,
                                           const base::CancelToken& cancel);
/// Whether there is a folder of that name at the top.
bool squashfs_has_folder(const std::string& file, const std::string& name, const base::CancelToken& cancel);

} // namespace storage
