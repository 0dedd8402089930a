#include <array>
#include <optional>

#include "daemon/instance/facets/list.h"
#include "schema/units.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 4> keys = {"limits.memory", "limits.memory.enforce", "limits.memory.swap",
                                                  "limits.memory.swap.priority"};

struct Wanted {
    std::optional<int64_t> hard; // bytes
    std::optional<int64_t> soft;
    bool swap = true;
};

Wanted wanted(const Subject& subject, const base::HostFacts& facts) {
    Wanted result;
    result.swap = !schema::is_false(schema::get(subject.config, "limits.memory.swap"));
    const auto& text = schema::get(subject.config, "limits.memory");
    if (text.empty()) return result;
    const auto limit = schema::parse_bytes_or_percent(text, facts.memory_total);
    if (schema::get(subject.config, "limits.memory.enforce") == "soft") {
        result.soft = limit;
    } else {
        result.hard = limit;
    }
    return result;
}

std::string bytes_or(const std::optional<int64_t>& limit, const char* unlimited) {
    return limit ? std::to_string(*limit) : unlimited;
}

/// 60 is the kernel's default, and what the highest priority means.
std::optional<int> swappiness(const Subject& subject, bool swap) {
    if (!swap) return 0;
    const auto priority = schema::parse_integer(schema::get(subject.config, "limits.memory.swap.priority"));
    if (!priority) return std::nullopt;
    return static_cast<int>(70 - *priority);
}

/// Memory and swap together stay below the limit, as in LXD: memsw has the same value.
Items items_v1(const Subject& subject, const base::HostFacts& facts) {
    const auto limits = wanted(subject, facts);
    Items items = {cgroup_item(1, "memory.limit_in_bytes", bytes_or(limits.hard, "-1"))};
    if (facts.cgroup.swap_accounting) {
        items.push_back(cgroup_item(1, "memory.memsw.limit_in_bytes", bytes_or(limits.hard, "-1")));
    }
    // Under pressure from others, reclaim starts before the hard limit is reached.
    const auto soft = limits.hard ? std::optional(*limits.hard / 10 * 9 + *limits.hard % 10 * 9 / 10) : limits.soft;
    items.push_back(cgroup_item(1, "memory.soft_limit_in_bytes", bytes_or(soft, "-1")));
    if (const auto value = swappiness(subject, limits.swap)) {
        items.push_back(cgroup_item(1, "memory.swappiness", std::to_string(*value)));
    }
    return items;
}

Items items_v2(const Subject& subject, const base::HostFacts& facts) {
    const auto limits = wanted(subject, facts);
    Items items = {cgroup_item(2, "memory.max", bytes_or(limits.hard, "max")),
                   cgroup_item(2, "memory.high", bytes_or(limits.soft, "max"))};
    if (facts.cgroup.swap_accounting) {
        const auto swap = limits.swap ? limits.hard : std::optional<int64_t>(0);
        items.push_back(cgroup_item(2, "memory.swap.max", bytes_or(swap, "max")));
    }
    return items;
}

Items lxc_items(const Subject& subject, const base::HostFacts& facts) {
    switch (facts.cgroup.version("memory")) {
    case 1:
        return items_v1(subject, facts);
    case 2:
        return items_v2(subject, facts);
    default:
        return {};
    }
}

} // namespace

const Facet memory_facet = {"memory", keys, lxc_items};

} // namespace instance
