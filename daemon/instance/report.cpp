#include "daemon/instance/report.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/network/netlink.h"
#include "schema/error.h"

namespace instance {

namespace {

constexpr const char* mounts = "/sys/fs/cgroup";

/// A small file in one read; empty where it cannot be read. Files of cgroupfs and /proc fit into a page.
std::string content(const std::string& path) {
    const base::Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 4096> buffer;
    const auto size = file ? read(file.get(), buffer.data(), buffer.size()) : -1;
    return size > 0 ? std::string(buffer.data(), static_cast<size_t>(size)) : std::string();
}

std::optional<int64_t> number(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end == text.data()) return {};
    return value;
}

/// The value after a word at the start of a line: "usage_usec 123".
std::optional<int64_t> field(std::string_view text, std::string_view word) {
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        const bool whole = (at == 0 || text[at - 1] == '\n') && text.substr(at + word.size()).starts_with(' ');
        if (whole) return number(text.substr(at + word.size() + 1));
    }
    return {};
}

/// Cut after the payload's component; the whole path where there is none.
std::string_view payload_path(std::string_view path) {
    const auto start = path.rfind("/lxc.payload");
    return start == std::string_view::npos ? path : path.substr(0, path.find('/', start + 1));
}

const std::string* folder(const CgroupFolders& folders, const std::string& controller) {
    const auto found = folders.find(controller);
    return found == folders.end() ? nullptr : &found->second;
}

/// One number from a controller's folder.
std::optional<int64_t> value(const CgroupFolders& folders, const std::string& controller, const char* file) {
    const auto* path = folder(folders, controller);
    return path == nullptr ? std::nullopt : number(content(*path + "/" + file));
}

/// v1 counts memory and swap together.
int64_t swap_part(std::optional<int64_t> both, std::optional<int64_t> memory) {
    return both && memory ? *both - *memory : 0;
}

void read_memory(const CgroupFolders& folders, schema::InstanceState& state) {
    if (folder(folders, "memory") != nullptr) {
        const auto usage = value(folders, "memory", "memory.usage_in_bytes");
        const auto peak = value(folders, "memory", "memory.max_usage_in_bytes");
        state.memory_usage = usage.value_or(0);
        state.memory_usage_peak = peak.value_or(0);
        state.swap_usage = swap_part(value(folders, "memory", "memory.memsw.usage_in_bytes"), usage);
        state.swap_usage_peak = swap_part(value(folders, "memory", "memory.memsw.max_usage_in_bytes"), peak);
        return;
    }
    state.memory_usage = value(folders, "unified", "memory.current").value_or(0);
    state.memory_usage_peak = value(folders, "unified", "memory.peak").value_or(0);
    state.swap_usage = value(folders, "unified", "memory.swap.current").value_or(0);
    state.swap_usage_peak = value(folders, "unified", "memory.swap.peak").value_or(0);
}

int64_t cpu_usage(const CgroupFolders& folders) {
    if (folder(folders, "cpuacct") != nullptr) return value(folders, "cpuacct", "cpuacct.usage").value_or(0);
    const auto* unified = folder(folders, "unified");
    if (unified == nullptr) return 0;
    return field(content(*unified + "/cpu.stat"), "usage_usec").value_or(0) * 1000;
}

/// Where no pids controller counts: the processes below init.
int64_t count_children(pid_t process) {
    const auto children =
        content("/proc/" + std::to_string(process) + "/task/" + std::to_string(process) + "/children");
    int64_t count = 1;
    for (const char* at = children.c_str(); *at != '\0';) {
        char* end = nullptr;
        const auto child = std::strtol(at, &end, 10);
        if (end == at) break;
        count += count_children(static_cast<pid_t>(child));
        at = end;
        while (*at == ' ') ++at;
    }
    return count;
}

} // namespace

CgroupFolders payload_folders(const std::string& proc_cgroup, const std::string& v1_mounts,
                              const std::string& v2_mount) {
    CgroupFolders folders;
    std::string_view rest = proc_cgroup;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string_view::npos || second == std::string_view::npos) continue;
        const std::string path(payload_path(line.substr(second + 1)));
        auto names = line.substr(first + 1, second - first - 1);
        if (names.empty() && !v2_mount.empty()) folders["unified"] = v2_mount + path;
        while (!names.empty()) {
            const std::string name(names.substr(0, names.find(',')));
            names.remove_prefix(std::min(names.size(), name.size() + 1));
            if (!name.starts_with("name=")) folders[name] = fmt::format("{}/{}{}", v1_mounts, name, path);
        }
    }
    return folders;
}

void read_usage(const CgroupFolders& folders, schema::InstanceState& state) {
    read_memory(folders, state);
    state.cpu_usage = cpu_usage(folders);
    auto processes = value(folders, "pids", "pids.current");
    if (!processes) processes = value(folders, "unified", "pids.current");
    state.processes = processes ? *processes : state.pid > 0 ? count_children(static_cast<pid_t>(state.pid)) : 0;
}

bool is_frozen(const CgroupFolders& folders) {
    if (const auto* freezer = folder(folders, "freezer"); freezer != nullptr) {
        return content(*freezer + "/freezer.state").starts_with("FROZEN");
    }
    const auto* unified = folder(folders, "unified");
    return unified != nullptr && field(content(*unified + "/cgroup.events"), "frozen") == 1;
}

struct Reporter::Container {
    CgroupFolders folders; // a container's own never change; those of init may, but only below them
    std::mutex mutex;      // guards the socket and its use
    std::optional<network::Netlink> netlink;
};

Reporter::Reporter() {
    const std::string pure = mounts;
    const auto hybrid = pure + "/unified";
    if (base::exists(pure + "/cgroup.controllers"))
        v2_mount_ = pure;
    else if (base::exists(hybrid + "/cgroup.controllers"))
        v2_mount_ = hybrid;
}

Reporter::~Reporter() = default;

std::shared_ptr<Reporter::Container> Reporter::find(pid_t init) {
    {
        const std::scoped_lock lock(mutex_);
        if (const auto found = containers_.find(init); found != containers_.end()) return found->second;
    }
    const auto groups = content("/proc/" + std::to_string(init) + "/cgroup");
    if (groups.empty()) return nullptr;
    auto container = std::make_shared<Container>();
    container->folders = payload_folders(groups, mounts, v2_mount_);
    const std::scoped_lock lock(mutex_);
    return containers_.emplace(init, std::move(container)).first->second;
}

schema::InstanceState Reporter::state(pid_t init) {
    schema::InstanceState state;
    const auto container = find(init);
    if (!container) return state;
    try {
        const std::scoped_lock lock(container->mutex);
        auto& netlink = container->netlink;
        if (!netlink) netlink = network::Netlink(init);
        state.network = network::network_state(netlink->interfaces(), network::host_interface);
    } catch (const schema::Error&) {
        // Either the process has gone or its network cannot be asked just now; the next call tries afresh.
        const std::scoped_lock lock(container->mutex);
        container->netlink.reset();
        if (!base::exists("/proc/" + std::to_string(init))) return state;
        state.network.emplace();
    }
    state.status = is_frozen(container->folders) ? schema::Status::frozen : schema::Status::running;
    state.pid = init;
    state.disk.emplace(); // filled by whoever knows the pool; never null
    read_usage(container->folders, state);
    return state;
}

bool Reporter::frozen(pid_t init) {
    const auto container = find(init);
    return container && is_frozen(container->folders);
}

void Reporter::forget(pid_t init) {
    const std::scoped_lock lock(mutex_);
    containers_.erase(init);
}

} // namespace instance
