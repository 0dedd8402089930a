#include <array>

#include "daemon/instance/facets/list.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 1> keys = {"limits.processes"};

Items lxc_items(const Subject& subject, const base::HostFacts& facts) {
    const auto version = facts.cgroup.version("pids");
    if (version == 0) return {};
    const auto& limit = schema::get(subject.config, "limits.processes");
    return {cgroup_item(version, "pids.max", limit.empty() || limit == "-1" ? "max" : limit)};
}

} // namespace

const Facet processes_facet = {"processes", keys, lxc_items};

} // namespace instance
