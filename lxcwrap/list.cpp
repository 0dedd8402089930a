#include "lxcwrap/list.h"

#include <cstdlib>

#include <lxc/lxccontainer.h>

#include "lxcwrap/error.h"

namespace lxcwrap {

std::vector<std::string> active_containers(const std::string& lxcpath) {
    char** names = nullptr;
    const int count = list_active_containers(lxcpath.c_str(), &names, nullptr);
    if (count < 0) throw error("Failed to list the running containers in {}", lxcpath);
    std::vector<std::string> result;
    for (int index = 0; index < count; ++index) {
        result.emplace_back(names[index]);
        std::free(names[index]);
    }
    std::free(names);
    return result;
}

} // namespace lxcwrap
