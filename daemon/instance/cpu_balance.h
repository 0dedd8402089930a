#pragma once
// Which CPUs each running container gets, pure. Lifecycle runs it after every start, stop and change of limits.cpu, and
// writes the sets (cpuset.cpus) that differ from what is there.

#include <map>
#include <string>
#include <vector>

#include "daemon/base/host_facts.h"

namespace instance {

/// A container that runs or is about to.
struct CpuDemand {
    std::string name;
    std::string limit;      // limits.cpu: empty, a count ("2") or a set ("0-3,7", "1-1")
    std::string nodes = {}; // limits.cpu.nodes: empty, or a set
};

/// Name -> set in the kernel's notation. Pinned sets are taken as they are, without CPUs that are offline; a count gets
/// so many of the least used CPUs; no limit is all CPUs. CPUs kept aside by isolcpus= are given by set only. NUMA nodes
/// restrict each of these. Where nothing is left of what is asked for, it is all CPUs.
std::map<std::string, std::string> cpu_sets(std::vector<CpuDemand> demands, const base::CpuFacts& facts);

} // namespace instance
