#pragma once
// Hosts to translate for: one of each cgroup layout.

#include "daemon/base/host_facts.h"
#include "daemon/instance/facets/facet.h"

namespace instance::test {

inline base::HostFacts plain_host() {
    base::HostFacts facts;
    facts.architectures = {"x86_64", "i686"};
    facts.kernel_version = "6.1.0";
    facts.kernel_features = {{"seccomp_listener", true}, {"seccomp_listener_continue", true}};
    facts.memory_total = 8'000'000'000;
    facts.shared_paths = {{"/dev/fuse", false}, {"/dev/mqueue", true}, {"/sys/kernel/security", true}};
    facts.subuid = facts.subgid = "root:100000:65536\n";
    facts.has_newuidmap = true;
    facts.nvidia = {"/usr/share/lxc/hooks/nvidia", true};
    facts.cgroup.hugetlb = {"64KB", "1MB", "2MB", "1GB"};
    return facts;
}

inline base::CpuFacts four_cpus() {
    return {.online = {0, 1, 2, 3}, .isolated = {}, .numa_nodes = {{0, {0, 1}}, {1, {2, 3}}}};
}

inline base::HostFacts v1_host() {
    auto facts = plain_host();
    facts.cgroup.layout = base::CgroupLayout::v1;
    for (const auto* name : {"memory", "cpu", "cpuset", "pids", "blkio", "devices", "freezer", "hugetlb"}) {
        facts.cgroup.controllers[name] = 1;
    }
    facts.cgroup.namespaces = true;
    facts.cgroup.swap_accounting = true;
    facts.cgroup.disk_weight = "blkio.bfq.weight";
    return facts;
}

inline base::HostFacts hybrid_host() {
    auto facts = v1_host();
    facts.cgroup.layout = base::CgroupLayout::hybrid;
    facts.cgroup.controllers["pids"] = 2;
    return facts;
}

inline base::HostFacts v2_host() {
    auto facts = plain_host();
    facts.cgroup.layout = base::CgroupLayout::v2;
    for (const auto* name : {"memory", "cpu", "cpuset", "pids", "io", "devices", "freezer", "hugetlb"}) {
        facts.cgroup.controllers[name] = 2;
    }
    facts.cgroup.namespaces = true;
    facts.cgroup.swap_accounting = true;
    facts.cgroup.disk_weight = "io.weight";
    return facts;
}

inline Subject subject(const schema::Config& config = {}) {
    Subject result;
    result.name = "c1";
    result.architecture = "x86_64";
    result.config = config;
    // The keys that choose a map are no facet's: tests of idmap show them.
    const schema::Config chosen = {{"security.privileged", schema::get(config, "security.privileged")}};
    result.id_map = choose_map(chosen, HostIds{{100000, 65536}, {100000, 65536}}, {}).map;
    result.paths = {"/var/lib/lxd", "/var/log/lxd", "/var/cache/lxd", "/usr/lib/lightervisor/lxd-runner"};
    return result;
}

} // namespace instance::test
