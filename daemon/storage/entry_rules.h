#pragma once
// What an archive's entries may be called, so that nothing of them can lie outside the folder they are unpacked into.
// Pure; the unpacking itself is confined by the kernel as well (unpack_tar.cpp).

#include <set>
#include <string>
#include <string_view>

#include "daemon/storage/tar_reader.h"

namespace storage {

/// "./rootfs//etc/" -> "rootfs/etc"; "" for the top itself. Throws bad_request for an absolute path and for "..".
std::string confined_path(std::string_view name);

/// Looks at entry after entry; throws bad_request for one that leads out of the archive.
class EntryRules {
public:
    /// Returns the entry's confined path.
    std::string check(const TarEntry& entry);

private:
    std::set<std::string> symlinks_;
};

} // namespace storage
