#include "daemon/runner/paths.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>

#include "daemon/base/files.h"

namespace runner {

std::string absolute(std::string path) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    return path.starts_with('/') ? path : "/" + path;
}

Place place_of(const base::Fd& root, const std::string& path) {
    const auto slash = path.rfind('/');
    auto name = path.substr(slash + 1);
    if (name.empty() || name == "." || name == "..") throw std::system_error(EBUSY, std::generic_category(), path);
    return {base::open_in_root(root.get(), path.substr(0, slash + 1), O_PATH | O_DIRECTORY), std::move(name)};
}

} // namespace runner
