#include "schema/keys/instance.h"

#include <algorithm>
#include <array>

#include <fmt/ranges.h>

#include "schema/error.h"
#include "schema/keys/pattern.h"
#include "schema/keys/syscalls.h"
#include "schema/values.h"

namespace schema {

namespace {

using namespace checks;

template <size_t N> void one_of(std::string_view value, const std::array<std::string_view, N>& words) {
    if (std::ranges::find(words, value) == words.end())
        throw bad_request("Invalid value {} (not one of [{}])", quoted(value), fmt::join(words, " "));
}

void memory_enforcement(std::string_view value) {
    one_of<2>(value, {"soft", "hard"});
}

void evacuation(std::string_view value) {
    one_of<4>(value, {"auto", "migrate", "live-migrate", "stop"});
}

// Each row has its values, liveness and items shown in test/data/keys, and one owner: a facet, or daemon_keys().
// clang-format off
constexpr std::array rows = {
    InstanceKey{"boot.autostart", optional<boolean>, "bool", "as before the last shutdown", true, "",
                "Start the instance when the daemon starts"},
    InstanceKey{"boot.autostart.delay", optional<integer>, "integer", "0", true, "",
                "Seconds to wait after this instance before the next is started"},
    InstanceKey{"boot.autostart.priority", optional<integer>, "integer", "0", true, "",
                "Order in which instances are started, highest first"},
    InstanceKey{"boot.host_shutdown_timeout", optional<integer>, "integer", "30", true, "container_host_shutdown_timeout",
                "Seconds that the instance has to stop when the host shuts down"},
    InstanceKey{"boot.stop.priority", optional<integer>, "integer", "0", true, "container_stop_priority",
                "Order in which instances are stopped, highest first"},
    InstanceKey{"cloud-init.network-config", optional<yaml>, "string", "DHCP on eth0", true, "cloud_init",
                "Network configuration for cloud-init"},
    InstanceKey{"cloud-init.user-data", optional<cloud_init>, "string", "#cloud-config", true, "cloud_init",
                "User data for cloud-init"},
    InstanceKey{"cloud-init.vendor-data", optional<cloud_init>, "string", "#cloud-config", true, "cloud_init",
                "Vendor data for cloud-init"},
    InstanceKey{"cluster.evacuate", optional<evacuation>, "string", "auto", true, "clustering_evacuation",
                "What becomes of the instance when its cluster member is evacuated"},
    InstanceKey{"environment.*", environment_value, "string", "", false, "",
                "Environment variable of init (at its next start) and of commands that are run in the instance"},
    InstanceKey{"image.*", any, "string", "", true, "",
                "Properties of the image that the instance was made from"},
    InstanceKey{"limits.cpu", optional<cpus>, "count or set", "all", true, "",
                "Number of CPUs, or the CPUs (0-3,7) that the instance may use"},
    InstanceKey{"limits.cpu.allowance", optional<cpu_allowance>, "string", "100%", true, "",
                "Share of CPU time under load (50%), or a hard limit (25ms/100ms)"},
    InstanceKey{"limits.cpu.nodes", optional<cpu_nodes>, "set", "all", true, "numa_cpu_placement",
                "NUMA nodes whose CPUs the instance may use"},
    InstanceKey{"limits.cpu.priority", optional<priority>, "integer", "10 (highest)", true, "",
                "CPU priority among instances of the same allowance, 0 to 10"},
    InstanceKey{"limits.disk.priority", optional<priority>, "integer", "5", true, "",
                "Share of disk time under load, 0 to 10"},
    InstanceKey{"limits.hugepages.1GB", optional<size>, "size", "as the host", true, "limits_hugepages",
                "Memory in huge pages of 1GB"},
    InstanceKey{"limits.hugepages.1MB", optional<size>, "size", "as the host", true, "limits_hugepages",
                "Memory in huge pages of 1MB"},
    InstanceKey{"limits.hugepages.2MB", optional<size>, "size", "as the host", true, "limits_hugepages",
                "Memory in huge pages of 2MB"},
    InstanceKey{"limits.hugepages.64KB", optional<size>, "size", "as the host", true, "limits_hugepages",
                "Memory in huge pages of 64KB"},
    InstanceKey{"limits.kernel.*", optional<process_limit>, "string", "as the daemon's", false, "kernel_limits",
                "Process limit of that name (nofile, memlock ...)"},
    InstanceKey{"limits.memory", optional<memory_limit>, "size", "all", true, "",
                "Memory as a size or a percentage of the host's"},
    InstanceKey{"limits.memory.enforce", optional<memory_enforcement>, "string", "hard", true, "",
                "hard: never more; soft: more while the host has memory to spare"},
    InstanceKey{"limits.memory.swap", optional<boolean>, "bool", "true", true, "",
                "Whether the instance's memory may be swapped out"},
    InstanceKey{"limits.memory.swap.priority", optional<priority>, "integer", "10 (highest)", true, "",
                "The higher, the less likely memory is swapped out, 0 to 10 (cgroup v1)"},
    InstanceKey{"limits.network.priority", optional<priority>, "integer", "0", true, "",
                "The higher, the sooner packets are sent, 0 to 10 (cgroup v1)"},
    InstanceKey{"limits.processes", optional<integer>, "integer", "max", true, "",
                "Number of processes"},
    InstanceKey{"linux.kernel_modules", any, "string", "", true, "",
                "Kernel modules, separated by commas, to load before the instance starts"},
    InstanceKey{"linux.sysctl.*", one_line, "string", "", false, "linux_sysctl",
                "Kernel parameter set in the instance"},
    InstanceKey{"migration.incremental.memory", optional<boolean>, "bool", "false", true, "migration_pre_copy",
                "Send memory ahead of a live migration, to shorten the stop"},
    InstanceKey{"migration.incremental.memory.goal", optional<uint32>, "integer", "70", true, "migration_pre_copy",
                "Percentage of memory to be in step before the instance is stopped"},
    InstanceKey{"migration.incremental.memory.iterations", optional<uint32>, "integer", "10", true, "migration_pre_copy",
                "How often memory is sent ahead at most"},
    InstanceKey{"nvidia.driver.capabilities", one_line, "string", "compute,utility", false, "nvidia_runtime_config",
                "Capabilities of the driver that the instance gets, separated by commas"},
    InstanceKey{"nvidia.require.cuda", one_line, "string", "", false, "nvidia_runtime_config",
                "Version of CUDA that the host must have"},
    InstanceKey{"nvidia.require.driver", one_line, "string", "", false, "nvidia_runtime_config",
                "Version of the driver that the host must have"},
    InstanceKey{"nvidia.runtime", optional<boolean>, "bool", "false", false, "nvidia_runtime",
                "Pass the host's NVIDIA libraries and tools to the instance"},
    InstanceKey{"raw.apparmor", any, "blob", "", true, "",
                "Rules to add to the AppArmor profile"},
    InstanceKey{"raw.idmap", any, "blob", "", false, "id_map",
                "Lines of `both|uid|gid HOST[-END] INSTANCE[-END]`: host ids to let through"},
    InstanceKey{"raw.lxc", optional<raw_lxc>, "blob", "", false, "",
                "Lines of lxc.container.conf to add"},
    InstanceKey{"raw.seccomp", optional<seccomp_policy>, "blob", "", false, "container_syscall_filtering",
                "A whole seccomp policy in place of the generated one"},
    InstanceKey{"security.devlxd", optional<boolean>, "bool", "true", true, "restrict_devlxd",
                "Whether the instance has /dev/lxd, the API for what runs in it"},
    InstanceKey{"security.devlxd.images", optional<boolean>, "bool", "false", true, "devlxd_images",
                "Whether the instance may fetch public and cached images over /dev/lxd"},
    InstanceKey{"security.idmap.base", optional<uint32>, "integer", "the first free one", false, "id_map_base",
                "First host id of an isolated map"},
    InstanceKey{"security.idmap.isolated", optional<boolean>, "bool", "false", false, "id_map",
                "Use host ids that no other isolated instance has"},
    InstanceKey{"security.idmap.size", optional<uint32>, "integer", "65536", false, "id_map",
                "Number of ids of an isolated map"},
    InstanceKey{"security.nesting", optional<boolean>, "bool", "false", false, "",
                "Support containers inside of the instance"},
    InstanceKey{"security.privileged", optional<boolean>, "bool", "false", false, "",
                "Run without a user namespace"},
    InstanceKey{"security.protection.delete", optional<boolean>, "bool", "false", true, "container_protection_delete",
                "Refuse to delete the instance"},
    InstanceKey{"security.protection.shift", optional<boolean>, "bool", "false", true, "container_protection_shift",
                "Refuse to start where the owners of the instance's files would have to be changed"},
    InstanceKey{"security.syscalls.allow", optional<syscall_rules>, "string", "", false, "container_syscall_filtering_allow_deny_syntax",
                "System calls to allow, a line each; all others are refused"},
    InstanceKey{"security.syscalls.blacklist", optional<syscall_rules>, "string", "", false, "container_syscall_filtering",
                "Old name of security.syscalls.deny"},
    InstanceKey{"security.syscalls.blacklist_compat", optional<boolean>, "bool", "false", false, "container_syscall_filtering",
                "Old name of security.syscalls.deny_compat"},
    InstanceKey{"security.syscalls.blacklist_default", optional<boolean>, "bool", "true", false, "container_syscall_filtering",
                "Old name of security.syscalls.deny_default"},
    InstanceKey{"security.syscalls.deny", optional<syscall_rules>, "string", "", false, "container_syscall_filtering_allow_deny_syntax",
                "System calls to refuse, a line each"},
    InstanceKey{"security.syscalls.deny_compat", optional<boolean>, "bool", "false", false, "container_syscall_filtering_allow_deny_syntax",
                "Refuse the compatibility calls of x86_64"},
    InstanceKey{"security.syscalls.deny_default", optional<boolean>, "bool", "true", false, "container_syscall_filtering_allow_deny_syntax",
                "Refuse the system calls of the default list"},
    InstanceKey{"security.syscalls.intercept.bpf", optional<boolean>, "bool", "false", false, "container_syscall_intercept_bpf_devices",
                "Handle bpf()"},
    InstanceKey{"security.syscalls.intercept.bpf.devices", optional<boolean>, "bool", "false", true, "container_syscall_intercept_bpf_devices",
                "Load and attach bpf programs of the devices cgroup for the instance"},
    InstanceKey{"security.syscalls.intercept.mknod", optional<boolean>, "bool", "false", false, "container_syscall_intercept",
                "Handle mknod() and mknodat(): make overlay whiteouts and harmless devices for the instance"},
    InstanceKey{"security.syscalls.intercept.mount", optional<boolean>, "bool", "false", false, "container_syscall_intercept_mount",
                "Handle mount()"},
    InstanceKey{"security.syscalls.intercept.mount.allowed", any, "string", "", true, "container_syscall_intercept_mount",
                "Filesystems, separated by commas, to mount for the instance"},
    InstanceKey{"security.syscalls.intercept.mount.fuse", any, "string", "", true, "container_syscall_intercept_mount_fuse",
                "Filesystems to mount through a FUSE program in the instance (ext4=fuse2fs)"},
    InstanceKey{"security.syscalls.intercept.mount.shift", optional<boolean>, "bool", "false", true, "container_syscall_intercept_mount",
                "Map the owners of files on what is mounted for the instance"},
    InstanceKey{"security.syscalls.intercept.sched_setscheduler", optional<boolean>, "bool", "false", false, "container_syscall_intercept_sched_setscheduler",
                "Handle sched_setscheduler(): let the instance raise its processes' priority"},
    InstanceKey{"security.syscalls.intercept.setxattr", optional<boolean>, "bool", "false", false, "container_syscall_intercept",
                "Handle setxattr(): mark folders as opaque to overlayfs"},
    InstanceKey{"security.syscalls.intercept.sysinfo", optional<boolean>, "bool", "false", false, "container_syscall_intercept_sysinfo",
                "Answer sysinfo() from the instance's limits"},
    InstanceKey{"security.syscalls.whitelist", optional<syscall_rules>, "string", "", false, "container_syscall_filtering",
                "Old name of security.syscalls.allow"},
    InstanceKey{"snapshots.expiry", snapshot_expiry, "string", "never", true, "snapshot_expiry",
                "How long snapshots are kept (1y 2m 3w 4d 5H 6M)"},
    InstanceKey{"snapshots.pattern", any, "string", "snap%d", true, "snapshot_scheduling",
                "Names of snapshots, a template; %d counts"},
    InstanceKey{"snapshots.schedule", optional<snapshot_schedule>, "string", "", true, "snapshot_scheduling",
                "When snapshots are made: cron fields (0 6 * * *), or aliases (@daily, @startup) separated by a comma and a space"},
    InstanceKey{"snapshots.schedule.stopped", optional<boolean>, "bool", "false", true, "snapshot_scheduling",
                "Make snapshots of the instance while it is stopped, too"},
    InstanceKey{"user.*", any, "string", "", true, "",
                "Free for users"},
    InstanceKey{"volatile.*.apply_quota", any, "bool", "", true, "",
                "A size of a disk device that holds from the next start on"},
    InstanceKey{"volatile.*.host_name", any, "string", "", true, "",
                "Host side of a network device"},
    InstanceKey{"volatile.*.hwaddr", any, "string", "", true, "",
                "MAC address of a network device"},
    InstanceKey{"volatile.*.last_state.created", any, "bool", "", true, "",
                "Whether the host interface of a network device was made for it"},
    InstanceKey{"volatile.*.last_state.hwaddr", any, "string", "", true, "",
                "MAC address that a host interface gets back"},
    InstanceKey{"volatile.*.last_state.mtu", any, "integer", "", true, "",
                "MTU that a host interface gets back"},
    InstanceKey{"volatile.*.last_state.vf.hwaddr", any, "string", "", true, "",
                "MAC address that a virtual function gets back"},
    InstanceKey{"volatile.*.last_state.vf.id", any, "integer", "", true, "",
                "Number of a network device's virtual function"},
    InstanceKey{"volatile.*.last_state.vf.parent", any, "string", "", true, "",
                "Interface that a virtual function is of"},
    InstanceKey{"volatile.*.last_state.vf.spoofcheck", any, "bool", "", true, "",
                "Spoof check that a virtual function gets back"},
    InstanceKey{"volatile.*.last_state.vf.vlan", any, "integer", "", true, "",
                "VLAN that a virtual function gets back"},
    InstanceKey{"volatile.*.name", any, "string", "", true, "",
                "Interface name of a network device"},
    InstanceKey{"volatile.apply_quota", any, "string", "", true, "",
                "Size of the root disk that holds from the next start on"},
    InstanceKey{"volatile.apply_template", any, "string", "", true, "",
                "Template trigger to run at the next start"},
    InstanceKey{"volatile.base_image", any, "string", "", true, "",
                "Fingerprint of the image that the instance was made from"},
    InstanceKey{"volatile.cloud-init.instance-id", optional<uuid>, "string", "", true, "cloud_init",
                "The instance's id as cloud-init sees it"},
    InstanceKey{"volatile.evacuate.origin", any, "string", "", true, "clustering_evacuation",
                "Cluster member that the instance comes back to"},
    InstanceKey{"volatile.idmap.base", any, "integer", "", true, "",
                "First host id of the instance's map"},
    InstanceKey{"volatile.idmap.current", any, "string", "", true, "",
                "Id map that the instance runs with"},
    InstanceKey{"volatile.idmap.next", any, "string", "", true, "",
                "Id map for the next start"},
    InstanceKey{"volatile.last_state.idmap", any, "string", "", true, "",
                "Id map that files on disk are shifted by"},
    InstanceKey{"volatile.last_state.power", any, "string", "", true, "",
                "Whether the instance runs, for the time after a reboot"},
    InstanceKey{"volatile.last_state.ready", optional<boolean>, "bool", "", true, "instance_ready_state",
                "Whether what runs in the instance has said that it is ready"},
    InstanceKey{"volatile.uuid", optional<uuid>, "string", "", true, "",
                "The instance's unique id"},
    InstanceKey{"volatile.uuid.generation", optional<uuid>, "string", "", true, "",
                "Changes when the instance's state goes back in time"},
};
// clang-format on

static_assert(std::is_sorted(rows.begin(), rows.end(),
                             [](const InstanceKey& a, const InstanceKey& b) { return a.name < b.name; }));

/// Rules that need more than one key.
void check_together(const Config& config) {
    if (is_true(get(config, "security.privileged")) && is_true(get(config, "nvidia.runtime")))
        throw bad_request("nvidia.runtime is incompatible with privileged containers");
}

void check_owner(std::string_view key, ConfigOwner owner) {
    if (owner == ConfigOwner::instance) return;
    if (key.starts_with("volatile.")) throw bad_request("Volatile keys can only be set on instances");
    if (key.starts_with("image.")) throw bad_request("Image keys can only be set on instances");
}

} // namespace

std::span<const InstanceKey> instance_keys() noexcept {
    return rows;
}

const InstanceKey* find_instance_key(std::string_view key) noexcept {
    // A name of its own goes before a pattern ("volatile.idmap.next" is no device's), and the longest pattern before
    // others ("volatile.eth0.last_state.hwaddr").
    const InstanceKey* match = nullptr;
    for (const auto& row : rows) {
        if (row.name == key) return &row;
        if (matches_key(row.name, key) && (match == nullptr || row.name.size() > match->name.size())) match = &row;
    }
    return match;
}

void check_instance_config(const Config& config, ConfigOwner owner) {
    for (const auto& [key, value] : config) {
        check_owner(key, owner);
        const auto* row = find_instance_key(key);
        if (row == nullptr) throw bad_request("Unknown configuration key: {}", key);
        // Keys of namespaces become parts of lines in lxc.container.conf.
        one_line(key);
        row->check(value);
    }
    check_together(config);
    check_syscall_keys(config);
}

} // namespace schema
