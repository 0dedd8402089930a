#include "daemon/instance/live_update.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string_view>

#include "daemon/instance/lxc_config.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr std::string_view memory_file = "memory.limit_in_bytes";
constexpr std::string_view memory_and_swap_file = "memory.memsw.limit_in_bytes";
constexpr std::string_view period_file = "cpu.cfs_period_us";
constexpr std::string_view quota_file = "cpu.cfs_quota_us";

/// Files that are written only when something is set, with what they hold otherwise.
struct Default {
    std::string_view file;
    std::string_view value;
};
constexpr std::array defaults = {
    Default{"memory.swappiness", "60"},  Default{"blkio.weight", "500"},  Default{"blkio.bfq.weight", "100"},
    Default{"io.weight", "default 100"}, Default{"io.bfq.weight", "100"},
};

using Values = std::map<std::string, std::string, std::less<>>;

/// "lxc.cgroup2.memory.max" -> "memory.max".
std::string file_of(const std::string& key) {
    constexpr std::string_view v2 = "lxc.cgroup2.";
    constexpr std::string_view v1 = "lxc.cgroup.";
    return key.substr(key.starts_with(v2) ? v2.size() : v1.size());
}

Values values_of(const Items& items) {
    Values values;
    for (const auto& item : items) values[file_of(item.key)] = item.value;
    return values;
}

/// Empty where nothing needs to be written.
std::string_view default_of(std::string_view file) {
    if (file.starts_with("hugetlb.")) return file.ends_with(".max") ? "max" : "-1";
    const auto* const row = std::ranges::find(defaults, file, &Default::file);
    return row == defaults.end() ? std::string_view() : row->value;
}

void reset_what_is_gone(const Values& old_values, const Values& new_values, std::vector<CgroupWrite>& writes) {
    for (const auto& [file, value] : old_values) {
        if (new_values.contains(file)) continue;
        if (const auto usual = default_of(file); !usual.empty()) writes.push_back({file, std::string(usual)});
    }
}

/// Bytes, with -1 as more than any.
int64_t bytes(const std::string& value) {
    const auto number = schema::parse_integer(value).value_or(-1);
    return number < 0 ? std::numeric_limits<int64_t>::max() : number;
}

void put_first(std::vector<CgroupWrite>& writes, std::string_view first, std::string_view second) {
    const auto find = [&](std::string_view file) {
        return std::find_if(writes.begin(), writes.end(), [&](const CgroupWrite& write) { return write.file == file; });
    };
    const auto a = find(first);
    const auto b = find(second);
    if (a != writes.end() && b != writes.end() && b < a) std::iter_swap(a, b);
}

} // namespace

std::vector<CgroupWrite> live_update(const Items& before, const Items& after) {
    const auto old_values = values_of(before);
    const auto new_values = values_of(after);
    std::vector<CgroupWrite> writes;
    for (const auto& item : after) {
        const auto file = file_of(item.key);
        const auto old = old_values.find(file);
        if (old == old_values.end() || old->second != item.value) writes.push_back({file, item.value});
    }
    reset_what_is_gone(old_values, new_values, writes);

    const auto old_memory = old_values.find(memory_file);
    const auto new_memory = new_values.find(memory_file);
    if (old_memory != old_values.end() && new_memory != new_values.end()) {
        const bool raised = bytes(new_memory->second) > bytes(old_memory->second);
        put_first(writes, raised ? memory_and_swap_file : memory_file, raised ? memory_file : memory_and_swap_file);
    }
    // A quota of the old period may be more than the new one allows.
    const auto period =
        std::find_if(writes.begin(), writes.end(), [](const CgroupWrite& write) { return write.file == period_file; });
    if (period != writes.end()) {
        const auto quota = std::string(new_values.find(quota_file)->second);
        std::erase_if(writes, [](const CgroupWrite& write) { return write.file == quota_file; });
        const auto at = std::find_if(writes.begin(), writes.end(),
                                     [](const CgroupWrite& write) { return write.file == period_file; });
        const auto next = writes.insert(at, {std::string(quota_file), "-1"});
        writes.insert(next + 2, {std::string(quota_file), quota});
    }
    return writes;
}

std::vector<CgroupWrite> whole_update(const Items& before, const Items& after) {
    const auto new_values = values_of(after);
    std::vector<CgroupWrite> writes;
    // Without these the kernel takes the others in any order.
    for (const auto file : {memory_and_swap_file, quota_file})
        if (new_values.contains(file)) writes.push_back({std::string(file), "-1"});
    for (const auto& [file, value] : new_values)
        if (file != memory_and_swap_file && file != quota_file) writes.push_back({file, value});
    for (const auto file : {memory_and_swap_file, quota_file})
        if (const auto last = new_values.find(file); last != new_values.end())
            writes.push_back({last->first, last->second});
    reset_what_is_gone(values_of(before), new_values, writes);
    return writes;
}

std::vector<CgroupWrite> live_update(const Subject& before, const Subject& after, const base::HostFacts& facts) {
    return live_update(cgroup_items(before, facts), cgroup_items(after, facts));
}

} // namespace instance
