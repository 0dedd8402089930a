#include "daemon/instance/facets/list.h"

#include <array>

namespace instance {

std::span<const Facet* const> facets() {
    static const std::array<const Facet*, 15> all = {
        &basics_facet,      &privilege_facet, &nesting_facet, &confinement_facet, &identity_facet,
        &environment_facet, &memory_facet,    &cpu_facet,     &disk_io_facet,     &processes_facet,
        &hugepages_facet,   &kernel_facet,    &guest_facet,   &nvidia_facet,      &raw_facet,
    };
    return all;
}

std::span<const std::string_view> daemon_keys() {
    static constexpr auto keys = std::to_array<std::string_view>({
        "boot.autostart",
        "boot.autostart.delay",
        "boot.autostart.priority",
        "boot.host_shutdown_timeout",
        "boot.stop.priority",
        "cloud-init.network-config",
        "cloud-init.user-data",
        "cloud-init.vendor-data",
        "cluster.evacuate",
        "image.*",
        "limits.cpu", // cpu_balance, as it depends on the other instances
        "limits.cpu.nodes",
        "limits.network.priority", // network_priority, as it is per interface
        "linux.kernel_modules",
        "migration.incremental.memory",
        "migration.incremental.memory.goal",
        "migration.incremental.memory.iterations",
        "raw.apparmor",
        "raw.idmap",
        "raw.seccomp", // a file: seccomp_policy
        "security.devlxd.images",
        "security.idmap.base",
        "security.idmap.isolated",
        "security.idmap.size",
        "security.protection.delete",
        "security.protection.shift",
        "security.syscalls.allow",
        "security.syscalls.blacklist",
        "security.syscalls.blacklist_compat",
        "security.syscalls.deny",
        "security.syscalls.deny_compat",
        "security.syscalls.intercept.bpf.devices", // with each call: intercept
        "security.syscalls.intercept.mount.allowed",
        "security.syscalls.intercept.mount.fuse",
        "security.syscalls.intercept.mount.shift",
        "security.syscalls.whitelist",
        "snapshots.expiry",
        "snapshots.pattern",
        "snapshots.schedule",
        "snapshots.schedule.stopped",
        "user.*",
        "volatile.*.apply_quota",
        "volatile.*.host_name",
        "volatile.*.hwaddr",
        "volatile.*.last_state.created",
        "volatile.*.last_state.hwaddr",
        "volatile.*.last_state.mtu",
        "volatile.*.last_state.vf.hwaddr",
        "volatile.*.last_state.vf.id",
        "volatile.*.last_state.vf.parent",
        "volatile.*.last_state.vf.spoofcheck",
        "volatile.*.last_state.vf.vlan",
        "volatile.*.name",
        "volatile.apply_quota",
        "volatile.apply_template",
        "volatile.base_image",
        "volatile.cloud-init.instance-id",
        "volatile.evacuate.origin",
        "volatile.idmap.base",
        "volatile.idmap.current",
        "volatile.idmap.next",
        "volatile.last_state.idmap",
        "volatile.last_state.power",
        "volatile.last_state.ready",
        "volatile.uuid",
        "volatile.uuid.generation",
    });
    return keys;
}

} // namespace instance
