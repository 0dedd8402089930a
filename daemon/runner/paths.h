#pragma once
// Paths that a container's owner names, resolved so that none leads out of its root. Callers: files, mount.

#include <string>

#include "daemon/base/fd.h"

namespace runner {

/// Where a last name is to be made or removed.
struct Place {
    base::Fd folder; // O_PATH
    std::string name;
};

/// "/" before it and no slash after it; "/" for the root.
std::string absolute(std::string path);
/// The folder that holds the last name of an absolute path, itself resolved below `root`. Throws system_error EBUSY for
/// the root and for a path that ends in "." or "..".
Place place_of(const base::Fd& root, const std::string& path);

} // namespace runner
