#pragma once
// What limits come to nothing on this host, in LXD's words. Pure; logged when the daemon starts.

#include <string>
#include <vector>

#include "daemon/base/host_facts.h"

namespace instance {

std::vector<std::string> missing_controllers(const base::CgroupFacts& cgroup);

} // namespace instance
