#include "daemon/base/cgroup_moves.h"

#include <fstream>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "daemon/base/fd.h"

namespace base {

std::optional<std::string> own_cgroup_processes(const std::string& root) {
    const auto tree = root + "/sys/fs/cgroup";
    std::ifstream hierarchies(root + "/proc/self/cgroup");
    for (std::string line; std::getline(hierarchies, line);) { // 4:cpu,cpuacct:/path, 1:name=systemd:/path, 0::/path
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        std::string_view name = std::string_view(line).substr(first + 1, second - first - 1);
        if (name.starts_with("name=")) name.remove_prefix(5);
        const auto own = line.substr(second + 1) + "/cgroup.procs";
        for (const auto& folder : {name.empty() ? tree : tree + "/" + std::string(name), tree + "/unified"})
            if (::access((folder + own).c_str(), W_OK) == 0) return folder + own;
    }
    return std::nullopt;
}

void CgroupMoves::stay() const {
    const auto path = own_cgroup_processes(root_); // each time: a service manager may have moved us
    const Fd file(path ? ::open(path->c_str(), O_WRONLY | O_CLOEXEC) : -1);
    // A refusal comes after the wait and changes nothing.
    if (file) [[maybe_unused]]
        const auto written = ::write(file.get(), "0", 1);
}

void CgroupMoves::foresee() {
    if (running_.exchange(true)) return;
    workers_.run([this] {
        stay();
        running_ = false;
    });
}

} // namespace base
