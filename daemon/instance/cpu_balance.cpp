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

Cpus common(const Cpus& some, const Cpus& others) {
    Cpus both;
    std::set_intersection(some.begin(), some.end(), others.begin(), others.end(), std::inserter(both, both.end()));
    return both;
}

Cpus cpus_of_nodes(const std::string& nodes, const base::CpuFacts& facts) {
    Cpus cpus;
    for (const auto node : schema::parse_cpu_set(nodes))
        if (const auto found = facts.numa_nodes.find(node); found != facts.numa_nodes.end())
            cpus.insert(found->second.begin(), found->second.end());
    return cpus;
}

/// `cpus` as far as the demand's nodes have them; `otherwise` where that is none.
Cpus of_nodes(const Cpus& cpus, const CpuDemand& demand, const base::CpuFacts& facts, const Cpus& otherwise) {
    auto left = demand.nodes.empty() ? cpus : common(cpus, cpus_of_nodes(demand.nodes, facts));
    return left.empty() ? otherwise : left;
}

/// The `count` CPUs that the fewest containers use; lower numbers first among equals.
Cpus least_used(size_t count, const Cpus& available, const std::map<unsigned, int>& usage) {
    std::vector<unsigned> order(available.begin(), available.end());
    std::stable_sort(order.begin(), order.end(), [&](unsigned a, unsigned b) { return usage.at(a) < usage.at(b); });
    order.resize(std::min(count, order.size()));
    return {order.begin(), order.end()};
}

} // namespace

std::map<std::string, std::string> cpu_sets(std::vector<CpuDemand> demands, const base::CpuFacts& facts) {
    std::map<std::string, std::string> sets;
    auto shared = without(facts.online, facts.isolated);
    if (shared.empty()) shared = facts.online;

    std::map<unsigned, int> usage;
    for (const auto cpu : facts.online) usage[cpu] = 0;
    const auto take = [&](const std::string& name, const Cpus& cpus) {
        for (const auto cpu : cpus) ++usage[cpu];
        sets[name] = schema::format_cpu_set(cpus);
    };

    // Pinned ones first, as they leave no choice. The order is fixed, so that the same demands give the same sets.
    std::sort(demands.begin(), demands.end(), [](const CpuDemand& a, const CpuDemand& b) { return a.name < b.name; });
    for (const auto& demand : demands) {
        if (demand.limit.empty() || is_count(demand.limit)) continue;
        const auto wanted = common(schema::parse_cpu_set(demand.limit), facts.online);
        take(demand.name, of_nodes(wanted, demand, facts, shared));
    }
    for (const auto& demand : demands) {
        if (!demand.limit.empty() && !is_count(demand.limit)) continue;
        const auto usable = of_nodes(shared, demand, facts, shared);
        if (demand.limit.empty()) {
            sets[demand.name] = schema::format_cpu_set(usable);
            continue;
        }
        const auto count = std::max<int64_t>(1, schema::parse_integer(demand.limit).value_or(1));
        take(demand.name, least_used(static_cast<size_t>(count), usable, usage));
    }
    return sets;
}

} // namespace instance
