#pragma once
// The attributes of a file apart from its content, set on files that the daemon has just made: for copying and
// unpacking.

#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace storage {

using Xattrs = std::vector<std::pair<std::string, std::string>>;

/// A file that may not be opened (a symbolic link, a device): named by its folder and its name in there.
struct FilePlace {
    int folder_fd = -1;
    const char* name = "";
};

/// The extended attributes; none where the filesystem has no such thing.
Xattrs xattrs(int fd);
Xattrs xattrs(const FilePlace& place);

/// Sets owner (when it differs from `made_as`), mode, extended attributes and times, in the order in which none undoes
/// another. Attributes that the filesystem cannot hold (ENOTSUP) are left out.
void set_attributes(int fd, const struct stat& wanted, const struct stat& made_as, const Xattrs& xattrs);
/// As above for a file that was just made with the mode `wanted` (less its setuid bits): it is asked what it has got,
/// for a change costs more than to look.
void set_new_attributes(int fd, const struct stat& wanted, const Xattrs& xattrs);
/// As above without following a link; the mode of a symbolic link is left alone.
void set_attributes(const FilePlace& place, const struct stat& wanted, const struct stat& made_as,
                    const Xattrs& xattrs);

} // namespace storage
