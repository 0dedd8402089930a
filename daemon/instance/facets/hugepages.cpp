#include <array>

#include <fmt/format.h>

#include "daemon/instance/facets/list.h"
#include "schema/error.h"
#include "schema/units.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 4> keys = {"limits.hugepages.64KB", "limits.hugepages.1MB",
                                                  "limits.hugepages.2MB", "limits.hugepages.1GB"};
constexpr std::string_view prefix = "limits.hugepages.";

/// Written only when it is set: most hosts have the controller, few hand it on to containers. What unsetting means is
/// in live_update.
Items lxc_items(const Subject& subject, const base::HostFacts& facts) {
    const auto version = facts.cgroup.version("hugetlb");
    Items items;
    for (const auto key : keys) {
        const auto& limit = schema::get(subject.config, std::string(key));
        if (limit.empty()) continue;
        const std::string size(key.substr(prefix.size()));
        if (version == 0) throw schema::bad_request("Cannot apply {} as hugetlb cgroup controller is missing", key);
        if (!facts.cgroup.hugetlb.contains(size))
            throw schema::bad_request("Cannot apply {} as the host has no huge pages of {}", key, size);
        const auto file = fmt::format("hugetlb.{}.{}", size, version == 2 ? "max" : "limit_in_bytes");
        items.push_back(cgroup_item(version, file, std::to_string(schema::parse_bytes(limit))));
    }
    return items;
}

} // namespace

const Facet hugepages_facet = {"hugepages", keys, lxc_items};

} // namespace instance
