#include "daemon/instance/cpu_balance.h"

#include <algorithm>
#include <set>

#include "schema/units.h"
#include "schema/values.h"

namespace instance {

namespace {

using Cpus = std::set<unsigned>;

/// A limit in one number is a count; anything else is a set.
bool is_count(const std::string& limit) {
    return schema::parse_integer(limit).has_value();
}

Cpus without(const Cpus& cpus, const Cpus& excluded) {
    Cpus rest;
    std::set_difference(cpus.begin(), cpus.end(), excluded.begin(), excluded.end(), std::inserter(rest, rest.end()));
    return rest;
}

Cpus pinned(const std::string& limit, const Cpus& online) {
    const auto wanted = schema::parse_cpu_set(limit);
    Cpus cpus;
    std::set_intersection(wanted.begin(), wanted.end(), online.begin(), online.end(), std::inserter(cpus, cpus.end()));
    return cpus;
}

/// The `count` CPUs that the fewest containers use; lower numbers first among equals.
Cpus least_used(size_t count, const Cpus& available, const std::map<unsigned, int>& usage) {
    std::vector<unsigned> order(available.begin(), available.end());
    std::stable_sort(order.begin(), order.end(), [&](unsigned a, unsigned b) { return usage.at(a) < usage.at(b); });
    order.resize(std::min(count, order.size()));
    return {order.begin(), order.end()};
}

} // namespace

std::map<std::string, std::string> cpu_sets(std::vector<CpuDemand> demands, const base::HostFacts& facts) {
    std::map<std::string, std::string> sets;
    if (facts.cgroup.version("cpuset") == 0) return sets;
    auto shared = without(facts.cpus_online, facts.cpus_isolated);
    if (shared.empty()) shared = facts.cpus_online;

    std::map<unsigned, int> usage;
    for (const auto cpu : facts.cpus_online) usage[cpu] = 0;
    const auto take = [&](const std::string& name, const Cpus& cpus) {
        for (const auto cpu : cpus) ++usage[cpu];
        sets[name] = schema::format_cpu_set(cpus);
    };

    // Pinned ones first, as they leave no choice. The order is fixed, so that the same demands give the same sets.
    std::sort(demands.begin(), demands.end(), [](const CpuDemand& a, const CpuDemand& b) { return a.name < b.name; });
    for (const auto& demand : demands) {
        if (demand.limit.empty() || is_count(demand.limit)) continue;
        const auto cpus = pinned(demand.limit, facts.cpus_online);
        take(demand.name, cpus.empty() ? shared : cpus);
    }
    for (const auto& demand : demands) {
        if (demand.limit.empty()) sets[demand.name] = schema::format_cpu_set(shared);
        const auto number = schema::parse_integer(demand.limit);
        if (!number) continue;
        const auto count = static_cast<size_t>(std::max<int64_t>(1, *number));
        take(demand.name, least_used(count, shared, usage));
    }
    return sets;
}

} // namespace instance
