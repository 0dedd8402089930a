#pragma once
// Writes files into a stopped instance's root, from the host, without ever leaving that root. Called by
// image_templates.

#include <string>
#include <string_view>

#include <sys/types.h>

namespace instance {

/// Who root of the instance is in the files on disk.
struct RootOwner {
    uid_t uid = 0;
    gid_t gid = 0;
};

/// Whether something has that name in the root; links on the way mean what they mean inside.
bool exists_in_root(int root_fd, const std::string& path);
/// An existing file gets the content and keeps its owner and mode; a new one is the owner's, 0644, as are the folders
/// that lead to it (0755). Throws bad_request for a path with "..", and for what is there and is no regular file.
void write_in_root(int root_fd, const std::string& path, std::string_view content, RootOwner owner);

} // namespace instance
