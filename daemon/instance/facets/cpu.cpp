#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "daemon/instance/facets/list.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 2> keys = {"limits.cpu.allowance", "limits.cpu.priority"};

/// A hard limit: so much of each period, in microseconds.
struct Quota {
    int64_t quota;
    int64_t period;
};

std::optional<Quota> quota_of(std::string_view allowance) {
    const auto slash = allowance.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto microseconds = [&](std::string_view text) {
        if (text.ends_with("ms")) text.remove_suffix(2);
        const auto number = schema::parse_integer(text);
        if (!number) throw schema::bad_request("Invalid allowance: {}", allowance);
        return *number * 1000;
    };
    return Quota{microseconds(allowance.substr(0, slash)), microseconds(allowance.substr(slash + 1))};
}

/// The weight among others: `full` at 100%, less a little for each step of priority below 10.
int64_t weight_of(const Subject& subject, int64_t full) {
    int64_t percent = 100;
    if (const std::string_view allowance = schema::get(subject.config, "limits.cpu.allowance");
        allowance.ends_with('%')) {
        percent = schema::parse_integer(allowance.substr(0, allowance.size() - 1)).value_or(100);
    }
    const auto priority = schema::parse_integer(schema::get(subject.config, "limits.cpu.priority")).value_or(10);
    return full * percent / 100 - (10 - priority);
}

Items lxc_items(const Subject& subject, const base::HostFacts& facts) {
    constexpr int64_t default_period = 100000;
    const auto quota = quota_of(schema::get(subject.config, "limits.cpu.allowance"));
    const auto period = quota ? quota->period : default_period;
    switch (facts.cgroup.version("cpu")) {
    case 1:
        // The bounds are the kernel's.
        return {cgroup_item(1, "cpu.shares", std::to_string(std::clamp<int64_t>(weight_of(subject, 1024), 2, 262144))),
                cgroup_item(1, "cpu.cfs_period_us", std::to_string(period)),
                cgroup_item(1, "cpu.cfs_quota_us", quota ? std::to_string(quota->quota) : "-1")};
    case 2:
        return {cgroup_item(2, "cpu.weight", std::to_string(std::clamp<int64_t>(weight_of(subject, 100), 1, 10000))),
                cgroup_item(2, "cpu.max", fmt::format("{} {}", quota ? std::to_string(quota->quota) : "max", period))};
    default:
        return {};
    }
}

} // namespace

const Facet cpu_facet = {"cpu", keys, lxc_items};

} // namespace instance
