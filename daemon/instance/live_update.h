#pragma once
// What has to be written to a running container when its limits change, pure: the difference of two translations. Used
// by the update of instances and profiles.

#include <string>
#include <vector>

#include "daemon/instance/facets/facet.h"

namespace instance {

/// One value for one cgroup file of a container: what Runtime::set_cgroup takes.
struct CgroupWrite {
    std::string file; // "memory.max"
    std::string value;

    bool operator==(const CgroupWrite&) const = default;
};

/// In the order in which the kernel takes them: with v1 memory+swap is never below memory, so one is raised before and
/// lowered after the other. Both lists are of cgroup_items().
std::vector<CgroupWrite> live_update(const Items& before, const Items& after);

/// As above, from what is configured.
std::vector<CgroupWrite> live_update(const Subject& before, const Subject& after, const base::HostFacts& facts);

/// Where nobody knows how much of a change from `before` to `after` was done.
std::vector<CgroupWrite> whole_update(const Items& before, const Items& after);

} // namespace instance
