#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <limits>
#include <optional>
#include <string_view>

#include <sys/sysinfo.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/runner/cgroup_tree.h"
#include "daemon/runner/intercept.h"
#include "daemon/runner/intercepted_calls.h"

namespace runner {

namespace {

constexpr uint64_t unlimited = std::numeric_limits<uint64_t>::max();

/// "max", and more than there can be, is unlimited.
std::optional<uint64_t> number_in(const std::string& file) {
    const auto text = base::read_file_if_exists(file);
    if (!text) return std::nullopt;
    if (text->starts_with("max")) return unlimited;
    uint64_t number = 0;
    if (std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc()) return std::nullopt;
    return number;
}

/// The smallest on the way up: a cgroup is bound by those above it, too.
std::optional<uint64_t> limit(const std::string& mount, std::string path, const char* file) {
    std::optional<uint64_t> smallest;
    for (;;) {
        if (const auto number = number_in(mount + path + "/" + file))
            smallest = std::min(smallest.value_or(unlimited), *number);
        if (path.empty()) return smallest;
        path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
}

/// A row of memory.stat.
uint64_t statistic(const std::string& folder, std::string_view name) {
    const auto text = base::read_file_if_exists(folder + "/memory.stat").value_or("");
    const auto at = ("\n" + text).find("\n" + std::string(name) + " ");
    if (at == std::string::npos) return 0;
    uint64_t number = 0;
    std::from_chars(text.data() + at + name.size() + 1, text.data() + text.size(), number);
    return number;
}

uint64_t less(uint64_t from, uint64_t amount) {
    return from > amount ? from - amount : 0;
}

/// What one hierarchy tells of the container.
struct Figures {
    std::optional<uint64_t> memory_limit, memory_used, swap_limit, swap_used, processes;
    uint64_t cache = 0, shared = 0;
};

void read_hierarchy(const Cgroup& cgroup, const std::string& payload, Figures& figures) {
    const auto folder = cgroup.mount + payload;
    const auto number = [&](const char* file) { return number_in(folder + "/" + file); };
    if (const auto count = number("pids.current")) figures.processes = count;
    const char* usage = cgroup.unified ? "memory.current" : "memory.usage_in_bytes";
    const auto used = number(usage);
    if (!used) return;
    figures.memory_used = used;
    figures.memory_limit = limit(cgroup.mount, payload, cgroup.unified ? "memory.max" : "memory.limit_in_bytes");
    figures.cache = statistic(folder, cgroup.unified ? "file" : "total_cache");
    figures.shared = statistic(folder, cgroup.unified ? "shmem" : "total_shmem");
    if (cgroup.unified) {
        figures.swap_limit = limit(cgroup.mount, payload, "memory.swap.max");
        figures.swap_used = number("memory.swap.current");
        return;
    }
    // Memory and swap in one.
    const auto both = limit(cgroup.mount, payload, "memory.memsw.limit_in_bytes");
    const auto both_used = number("memory.memsw.usage_in_bytes");
    if (!both || !both_used) return;
    figures.swap_limit = *both == unlimited ? unlimited : less(*both, figures.memory_limit.value_or(0));
    figures.swap_used = less(*both_used, *used);
}

/// Seconds since init began.
std::optional<int64_t> uptime(const std::string& init) {
    const auto stat = base::read_file_if_exists("/proc/" + init + "/stat");
    if (!stat) return std::nullopt;
    unsigned long long ticks = 0;
    const auto fields = stat->substr(std::min(stat->rfind(')') + 1, stat->size()));
    if (std::sscanf(fields.c_str(), " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                    &ticks) != 1)
        return std::nullopt;
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::max<int64_t>(0,
                             now.tv_sec - static_cast<int64_t>(ticks / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK))));
}

/// In the units that the struct is in, which are bytes afterwards.
void put(const Figures& figures, struct sysinfo& info) {
    const uint64_t unit = info.mem_unit;
    const uint64_t total = info.totalram * unit;
    const uint64_t swap = info.totalswap * unit;
    const uint64_t swap_free = info.freeswap * unit;
    const uint64_t own_total = std::min(total, figures.memory_limit.value_or(unlimited));
    const uint64_t own_swap = std::min(swap, figures.swap_limit.value_or(unlimited));
    info.freeram = figures.memory_used ? less(own_total, *figures.memory_used) : info.freeram * unit;
    info.sharedram = figures.memory_used ? figures.shared : info.sharedram * unit;
    info.bufferram = figures.memory_used ? figures.cache : info.bufferram * unit;
    info.totalram = own_total;
    info.totalswap = own_swap;
    info.freeswap = std::min(swap_free, less(own_swap, figures.swap_used.value_or(0)));
    info.totalhigh *= unit;
    info.freehigh *= unit;
    info.mem_unit = 1;
    if (figures.processes) info.procs = static_cast<unsigned short>(std::min<uint64_t>(*figures.processes, 0xffff));
}

} // namespace

int64_t intercepted_sysinfo(const Caller&, const Arguments& arguments) {
    const auto& container = arguments.at(0);
    const auto& init = arguments.at(1);
    struct sysinfo info{};
    if (::sysinfo(&info) < 0) throw CallError{errno};
    Figures figures;
    for (const auto& cgroup : cgroups_of("/proc/" + init))
        if (const auto payload = payload_of(cgroup.path, container); !payload.empty())
            read_hierarchy(cgroup, payload, figures);
    put(figures, info);
    if (const auto seconds = uptime(init)) info.uptime = *seconds;
    const auto written =
        ::pwrite(intercept_memory_fd, &info, sizeof info, static_cast<off_t>(std::stoull(arguments.at(2))));
    if (written != sizeof info) throw CallError{EFAULT};
    return 0;
}

} // namespace runner
