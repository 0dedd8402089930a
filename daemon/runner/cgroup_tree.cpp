#include "daemon/runner/cgroup_tree.h"

#include <algorithm>
#include <exception>

#include <unistd.h>

#include "daemon/base/files.h"

namespace runner {

namespace {

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find(separator, start), text.size());
        if (end > start) parts.emplace_back(text.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

/// {controller ("memory", "name=systemd"; empty: cgroup v2) -> where the hierarchy is mounted}
std::map<std::string, std::string> hierarchies() {
    std::map<std::string, std::string> result;
    for (const auto& line : split(base::read_file("/proc/self/mountinfo"), '\n')) {
        const auto dash = line.find(" - cgroup");
        if (dash == std::string::npos) continue;
        const auto front = split(line.substr(0, dash), ' ');
        const auto back = split(line.substr(dash + 3), ' ');
        if (front.size() < 5 || back.size() < 3) continue;
        if (back[0] == "cgroup2") result.emplace("", front[4]);
        if (back[0] != "cgroup") continue;
        for (const auto& option : split(back[2], ',')) result.emplace(option, front[4]);
    }
    return result;
}

void leave(const Cgroup& cgroup) {
    const auto path = cgroup.mount + cgroup.path;
    const auto parent = path.substr(0, path.rfind('/'));
    const auto self = std::to_string(::getpid());
    for (const auto& target : {parent + "/lxc.pivot", parent}) {
        try {
            base::write_file(target + "/cgroup.procs", self);
            break;
        } catch (const std::exception&) { // The next one may take it.
        }
    }
    ::rmdir(path.c_str());
}

} // namespace

std::vector<Cgroup> cgroups_of(const std::string& proc) {
    const auto mounts = hierarchies();
    std::vector<Cgroup> result;
    // Lines of "number:controllers:/path".
    for (const auto& line : split(base::read_file(proc + "/cgroup"), '\n')) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const auto controllers = line.substr(first + 1, second - first - 1);
        const auto mount = mounts.find(controllers.substr(0, controllers.find(',')));
        if (mount != mounts.end()) result.push_back({controllers.empty(), mount->second, line.substr(second + 1)});
    }
    return result;
}

void leave_own_cgroups(std::string_view prefix) {
    for (const auto& cgroup : cgroups_of("/proc/self"))
        if (cgroup.path.substr(cgroup.path.rfind('/') + 1).starts_with(prefix)) leave(cgroup);
}

std::string payload_of(std::string_view path, std::string_view container) {
    const auto wanted = "/lxc.payload." + std::string(container);
    for (auto start = path.find(wanted); start != path.npos; start = path.find(wanted, start + 1)) {
        const auto rest = path.substr(start + wanted.size());
        const auto end = std::min(rest.find('/'), rest.size());
        const auto suffix = rest.substr(0, end);
        const bool numbered =
            suffix.size() > 1 && suffix[0] == '-' && suffix.find_first_not_of("0123456789", 1) == suffix.npos;
        if (suffix.empty() || numbered) return std::string(path.substr(0, start + wanted.size() + end));
    }
    return {};
}

} // namespace runner
