#include "daemon/base/host_facts.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/utsname.h>

#include "daemon/base/files.h"
#include "daemon/base/kernel_features.h"
#include "daemon/base/process.h"

namespace base {

namespace {

namespace fs = std::filesystem;

/// The content of a file that may be missing or refuse to be read (both mean "no" here).
std::string content(const std::string& path) {
    try {
        return read_file_if_exists(path).value_or("");
    } catch (const std::system_error&) {
        return {};
    }
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto end = text.find(separator);
        const auto part = text.substr(0, end);
        if (!part.empty()) parts.push_back(part);
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return parts;
}

/// The lines of a file that may be missing.
std::vector<std::string> lines_of(const std::string& path) {
    const auto text = content(path);
    const auto views = split(text, '\n');
    return {views.begin(), views.end()};
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (fs::directory_iterator entry(folder, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
        names.push_back(entry->path().filename());
    }
    std::ranges::sort(names);
    return names;
}

unsigned number(std::string_view text) {
    return static_cast<unsigned>(std::strtoul(std::string(text).c_str(), nullptr, 10));
}

/// "0-3,8": the kernel's own writing, never wrong.
std::set<unsigned> cpus(std::string_view text) {
    std::set<unsigned> set;
    for (const auto range : split(trimmed(text), ',')) {
        const auto dash = range.find('-');
        const auto first = number(range.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : number(range.substr(dash + 1));
        for (auto cpu = first; cpu <= last; ++cpu) set.insert(cpu);
    }
    return set;
}

std::map<unsigned, std::set<unsigned>> numa_nodes(const std::string& folder) {
    std::map<unsigned, std::set<unsigned>> nodes;
    for (const auto& name : names_in(folder)) {
        if (name.size() > 4 && name.starts_with("node") && name[4] >= '0' && name[4] <= '9') {
            nodes[number(name.substr(4))] = cpus(content(fmt::format("{}/{}/cpulist", folder, name)));
        }
    }
    return nodes;
}

uint64_t memory_total(const std::string& meminfo) {
    for (const auto line : split(meminfo, '\n')) {
        if (line.starts_with("MemTotal:")) {
            return std::strtoull(std::string(line.substr(9)).c_str(), nullptr, 10) * 1024;
        }
    }
    return 0;
}

/// The v2 group below which liblxc puts the containers of root: init's, without init.scope.
std::string container_base(const std::string& root) {
    for (const auto& line : lines_of(root + "/proc/1/cgroup")) {
        if (!line.starts_with("0::")) continue;
        std::string_view path(line);
        path.remove_prefix(3);
        if (path.ends_with("/init.scope")) path.remove_suffix(std::string_view("/init.scope").size());
        return path == "/" ? std::string() : std::string(path);
    }
    return {};
}

/// The CPUs that the control group of containers may use; empty where none tells.
std::set<unsigned> effective_cpus(const std::string& root) {
    const auto tree = root + "/sys/fs/cgroup";
    for (const auto& file :
         {tree + "/cpuset/cpuset.effective_cpus", tree + container_base(root) + "/cpuset.cpus.effective"})
        if (auto set = cpus(content(file)); !set.empty()) return set;
    return {};
}

/// Whether groups have a file that the root group may lack: looks at the groups that are there.
bool groups_have(const std::string& base, const std::string& file) {
    if (exists(base + "/" + file)) return true;
    return std::ranges::any_of(names_in(base),
                               [&](const auto& name) { return exists(base + "/" + name + "/" + file); });
}

/// Page sizes as the hugetlb controller writes them in file names.
std::set<std::string> hugepage_sizes(const std::string& folder) {
    std::set<std::string> sizes;
    for (const auto& name : names_in(folder)) { // hugepages-2048kB
        if (!name.starts_with("hugepages-")) continue;
        const auto kib = number(std::string_view(name).substr(10));
        if (kib >= 1024 * 1024)
            sizes.insert(std::to_string(kib / 1024 / 1024) + "GB");
        else if (kib >= 1024)
            sizes.insert(std::to_string(kib / 1024) + "MB");
        else
            sizes.insert(std::to_string(kib) + "KB");
    }
    return sizes;
}

std::string disk_weight(const CgroupFacts& cgroup, const std::string& v1, const std::string& v2) {
    for (const auto* file : {"blkio.weight", "blkio.bfq.weight"}) {
        if (cgroup.version("blkio") == 1 && groups_have(v1 + "/blkio", file)) return file;
    }
    for (const auto* file : {"io.weight", "io.bfq.weight"}) {
        if (cgroup.version("io") == 2 && groups_have(v2, file)) return file;
    }
    return {};
}

bool swap_accounting(const CgroupFacts& cgroup, const std::string& v1, const std::string& v2) {
    if (cgroup.version("memory") == 1) return exists(v1 + "/memory/memory.memsw.limit_in_bytes");
    return cgroup.version("memory") == 2 && groups_have(v2, "memory.swap.max");
}

CgroupFacts cgroup_facts(const std::string& root) {
    CgroupFacts cgroup;
    const auto tree = root + "/sys/fs/cgroup";
    const bool pure = exists(tree + "/cgroup.controllers");
    const bool unified = !pure && exists(tree + "/unified/cgroup.controllers");
    const auto v2 = tree + (pure ? "" : "/unified") + container_base(root);

    if (!pure) {
        for (const auto& line : lines_of(root + "/proc/self/cgroup")) { // 4:cpu,cpuacct:/path
            const auto first = line.find(':');
            const auto second = line.find(':', first + 1);
            if (second == std::string::npos) continue;
            const auto names = std::string_view(line).substr(first + 1, second - first - 1);
            for (const auto name : split(names, ',')) {
                if (!name.starts_with("name=") && exists(tree + "/" + std::string(name))) {
                    cgroup.controllers.emplace(name, 1);
                }
            }
        }
    }
    const bool legacy = !cgroup.controllers.empty();
    if (pure || unified) {
        // Beside v1 hierarchies liblxc hands nothing on by itself.
        const auto names = content(v2 + (pure ? "/cgroup.controllers" : "/cgroup.subtree_control"));
        for (const auto name : split(trimmed(names), ' ')) cgroup.controllers.emplace(name, 2);
    }
    if (pure) {
        cgroup.controllers["devices"] = 2;
        cgroup.controllers["freezer"] = 2;
    }
    cgroup.layout = pure                ? CgroupLayout::v2
                    : legacy && unified ? CgroupLayout::hybrid
                    : legacy            ? CgroupLayout::v1
                                        : CgroupLayout::none;
    cgroup.namespaces = exists(root + "/proc/self/ns/cgroup");
    cgroup.swap_accounting = swap_accounting(cgroup, tree, v2);
    cgroup.disk_weight = disk_weight(cgroup, tree, v2);
    if (cgroup.version("hugetlb") != 0) cgroup.hugetlb = hugepage_sizes(root + "/sys/kernel/mm/hugepages");
    return cgroup;
}

bool has_capability(const std::string& status, int capability) {
    for (const auto line : split(status, '\n')) {
        if (line.starts_with("CapEff:")) {
            const auto set = std::strtoull(std::string(line.substr(7)).c_str(), nullptr, 16);
            return ((set >> static_cast<unsigned>(capability)) & 1U) != 0;
        }
    }
    return false;
}

/// Stacking is usable from version 1.2 of the domain rules on.
bool can_stack(const std::string& domain) {
    const auto version = content(domain + "/version");
    const auto parts = split(trimmed(version), '.');
    return trimmed(content(domain + "/stack")) == "yes" && parts.size() >= 2 && number(parts[0]) >= 1 &&
           number(parts[1]) >= 2;
}

AppArmorFacts apparmor_facts(const std::string& root, bool in_user_namespace) {
    AppArmorFacts facts;
    const auto kernel = root + "/sys/kernel/security/apparmor";
    facts.available = exists(kernel);
    facts.stacking = can_stack(kernel + "/features/domain");
    facts.stacked = trimmed(content(kernel + "/.ns_stacked")) == "yes";
    facts.admin =
        has_capability(content(root + "/proc/self/status"), CAP_MAC_ADMIN) && (!in_user_namespace || facts.stacked);
    if (facts.available) {
        auto profile = content(root + "/proc/self/attr/apparmor/current");
        if (profile.empty()) profile = content(root + "/proc/self/attr/current");
        const auto words = trimmed(profile);
        facts.current = words.substr(0, words.rfind(" ("));
        facts.confined = !facts.current.empty() && facts.current != "unconfined";
    }
    return facts;
}

std::string lxcfs_mount(const std::string& mountinfo) {
    for (const auto line : split(mountinfo, '\n')) {
        const auto fields = split(line, ' ');
        if (fields.size() > 4 && line.find(" - fuse.lxcfs ") != std::string_view::npos) return std::string(fields[4]);
    }
    return {};
}

/// Newer versions of lxcfs show the whole CPU folder (told by its uevent file), older ones single files of it.
std::vector<std::string> lxcfs_files(const std::string& mount) {
    std::vector<std::string> files;
    for (const auto& name : names_in(mount + "/proc")) files.push_back("proc/" + name);
    const std::string cpu = "sys/devices/system/cpu";
    const auto folder = fmt::format("{}/{}", mount, cpu);
    if (exists(folder + "/uevent")) {
        files.push_back(cpu);
    } else {
        for (const auto& name : names_in(folder)) files.push_back(fmt::format("{}/{}", cpu, name));
    }
    return files;
}

/// LXD's names for what a kernel of this machine type runs, the native one first.
std::vector<std::string> architectures(const std::string& machine) {
    static const std::map<std::string, std::vector<std::string>> others = {
        {"x86_64", {"i686"}},   {"aarch64", {"armv6l", "armv7l", "armv8l"}},
        {"armv7l", {"armv6l"}}, {"armv8l", {"armv6l", "armv7l"}},
        {"ppc64", {"ppc"}},     {"mips64", {"mips"}},
    };
    std::vector<std::string> names{machine};
    if (const auto found = others.find(machine); found != others.end()) {
        names.insert(names.end(), found->second.begin(), found->second.end());
    }
    return names;
}

std::string variable(const char* name) {
    const char* found = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody writes the environment
    return found == nullptr ? "" : found;
}

std::string nvidia_hook() {
    const auto folder = variable("LXD_LXC_HOOK");
    auto hook = (folder.empty() ? "/usr/share/lxc/hooks" : folder) + "/nvidia";
    return exists(hook) ? hook : std::string();
}

bool switched_on(const char* name) {
    auto value = variable(name);
    std::ranges::transform(value, value.begin(), [](unsigned char letter) { return std::tolower(letter); });
    return value == "true" || value == "1" || value == "yes" || value == "on";
}

} // namespace

HostFacts read_host_facts(const std::string& root) {
    HostFacts facts;
    facts.uid_map = content(root + "/proc/self/uid_map");
    facts.gid_map = content(root + "/proc/self/gid_map");
    facts.subuid = content(root + "/etc/subuid");
    facts.subgid = content(root + "/etc/subgid");
    const auto first = split(facts.uid_map, '\n');
    const auto map = first.empty() ? std::vector<std::string_view>() : split(first[0], ' ');
    facts.in_user_namespace = map.size() == 3 && !(map[0] == "0" && map[1] == "0" && map[2] == "4294967295");

    facts.memory_total = memory_total(content(root + "/proc/meminfo"));
    facts.cgroup = cgroup_facts(root);
    facts.apparmor = apparmor_facts(root, facts.in_user_namespace);

    for (const auto path : shared_host_paths) {
        std::error_code ignored;
        const auto status = fs::status(root + std::string(path), ignored);
        if (fs::exists(status)) facts.shared_paths[std::string(path)] = fs::is_directory(status);
    }
    facts.lxcfs = lxcfs_mount(content(root + "/proc/self/mountinfo"));
    if (!facts.lxcfs.empty()) facts.lxcfs_files = lxcfs_files(root + facts.lxcfs);
    return facts;
}

CpuFacts read_cpu_facts(const std::string& root) {
    CpuFacts facts;
    facts.online = cpus(content(root + "/sys/devices/system/cpu/online"));
    if (const auto effective = effective_cpus(root); !effective.empty())
        std::erase_if(facts.online, [&](unsigned cpu) { return !effective.contains(cpu); });
    facts.isolated = cpus(content(root + "/sys/devices/system/cpu/isolated"));
    facts.numa_nodes = numa_nodes(root + "/sys/devices/system/node");
    return facts;
}

HostFacts detect_host_facts() {
    auto facts = read_host_facts("");
    utsname name{};
    if (uname(&name) != 0) throw std::system_error(errno, std::generic_category(), "uname");
    facts.kernel_version = name.release;
    facts.architectures = architectures(name.machine);

    auto kernel = probe_kernel();
    facts.kernel_features = std::move(kernel.features);
    if (switched_on("LXD_SHIFTFS_DISABLE")) facts.kernel_features["shiftfs"] = false;
    if (switched_on("LXD_IDMAPPED_MOUNTS_DISABLE")) facts.kernel_features["idmapped_mounts"] = false;
    facts.idmapped_mounts = facts.kernel_features["idmapped_mounts"];
    facts.core_scheduling = kernel.core_scheduling;

    facts.apparmor.available = facts.apparmor.available && !find_program("apparmor_parser").empty() &&
                               variable("LXD_SECURITY_APPARMOR") != "false";
    facts.nvidia = {nvidia_hook(), !find_program("nvidia-container-cli").empty()};
    facts.has_newuidmap = !find_program("newuidmap").empty() && !find_program("newgidmap").empty();
    return facts;
}

} // namespace base
