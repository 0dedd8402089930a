#include <algorithm>
#include <array>

#include "daemon/instance/facets/list.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 1> keys = {"limits.disk.priority"};

/// Written only when it is set: not every scheduler takes a weight. What unsetting means is in live_update.
Items lxc_items(const Subject& subject, const base::HostFacts& facts) {
    const auto priority = schema::parse_integer(schema::get(subject.config, "limits.disk.priority"));
    if (!priority) return {};
    const auto& file = facts.cgroup.disk_weight;
    if (file.empty()) {
        throw schema::bad_request("Cannot apply limits.disk.priority as blkio.weight cgroup controller is missing");
    }
    const auto weight = std::max<int64_t>(*priority * 100, 10);
    return {cgroup_item(file.starts_with("io.") ? 2 : 1, file, std::to_string(weight))};
}

} // namespace

const Facet disk_io_facet = {"disk_io", keys, lxc_items};

} // namespace instance
