#include "daemon/instance/missing_controllers.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace instance {

namespace {

struct Controller {
    std::string_view name;  // of v1
    std::string_view other; // of v2, where it has another
    std::string_view words;
    std::string_view loss;
};

constexpr auto controllers = std::to_array<Controller>({
    {"blkio", "io", "blkio", "disk I/O limits will be ignored"},
    {"cpu", "", "CPU controller", "CPU time limits will be ignored"},
    {"cpuset", "", "CPUset controller", "CPU pinning will be ignored"},
    {"devices", "", "devices controller", "device access control won't work"},
    {"freezer", "", "freezer controller", "pausing/resuming containers won't work"},
    {"hugetlb", "", "hugetlb controller", "hugepage limits will be refused"},
    {"memory", "", "memory controller", "memory limits will be ignored"},
    {"pids", "", "pids controller", "process limits will be ignored"},
});

std::string line(std::string_view words, std::string_view loss) {
    return fmt::format(" - Couldn't find the CGroup {}, {}", words, loss);
}

} // namespace

std::vector<std::string> missing_controllers(const base::CgroupFacts& cgroup) {
    std::vector<std::string> lines;
    for (const auto& one : controllers)
        if (cgroup.version(std::string(one.name)) == 0 && cgroup.version(std::string(one.other)) == 0)
            lines.push_back(line(one.words, one.loss));
    if (cgroup.disk_weight.empty()) lines.push_back(line("blkio.weight", "disk priority will be refused"));
    if (!cgroup.swap_accounting) lines.push_back(line("memory swap accounting", "swap limits will be ignored"));
    return lines;
}

} // namespace instance
