#include "daemon/base/own_program.h"

#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

namespace base {

std::string own_program(const std::string& name, const std::string& build_folder, const char* variable) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
    if (const char* named = std::getenv(variable); named != nullptr && *named != '\0') return named;
    char buffer[4096];
    const auto size = ::readlink("/proc/self/exe", buffer, sizeof buffer);
    const std::string self = size > 0 ? std::string(buffer, static_cast<size_t>(size)) : "/usr/bin/lxd";
    const auto here = self.substr(0, self.rfind('/'));
    for (auto& path : {fmt::format("{}/{}", here, name), fmt::format("{}/{}/{}", here, build_folder, name),
                       fmt::format("{}/../libexec/{}", here, name), fmt::format("/usr/libexec/{}", name)})
        if (::access(path.c_str(), X_OK) == 0) return path;
    return name;
}

} // namespace base
