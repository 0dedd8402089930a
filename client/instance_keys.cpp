#include "client/instance_keys.h"

#include <algorithm>
#include <array>

#include "schema/keys/instance.h"
#include "schema/keys/pattern.h"

namespace client {

namespace {

/// What LXD 5.0 has beside the keys of schema::instance_keys(), `*` as there.
constexpr auto keys_of_other_servers = std::to_array<std::string_view>({
    "agent.nic_config",
    "cluster.evacuate",
    "limits.memory.hugepages",
    "limits.network.priority",
    "migration.incremental.memory",
    "migration.incremental.memory.goal",
    "migration.incremental.memory.iterations",
    "migration.stateful",
    "nvidia.driver.capabilities",
    "nvidia.require.cuda",
    "nvidia.require.driver",
    "nvidia.runtime",
    "raw.idmap",
    "raw.qemu",
    "raw.qemu.conf",
    "security.agent.metrics",
    "security.devlxd",
    "security.devlxd.images",
    "security.idmap.base",
    "security.idmap.isolated",
    "security.idmap.size",
    "security.protection.shift",
    "security.secureboot",
    "snapshots.expiry",
    "snapshots.pattern",
    "snapshots.schedule",
    "snapshots.schedule.stopped",
    "volatile.apply_nvram",
    "volatile.apply_quota",
    "volatile.evacuate.origin",
    "volatile.vsock_id",
    "volatile.*.apply_quota",
    "volatile.*.ceph_rbd",
    "volatile.*.created",
    "volatile.*.driver",
    "volatile.*.id",
    "volatile.*.last_state.vf.parent",
    "volatile.*.mtu",
    "volatile.*.spoofcheck",
    "volatile.*.uuid",
    "volatile.*.vlan",
});

} // namespace

bool is_instance_key(std::string_view key) {
    return schema::find_instance_key(key) != nullptr ||
           std::any_of(keys_of_other_servers.begin(), keys_of_other_servers.end(),
                       [&](std::string_view pattern) { return schema::matches_key(pattern, key); });
}

} // namespace client
