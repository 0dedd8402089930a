#pragma once
// What the host can do, found once at start (host_facts.cpp) and then handed as a plain value to everything that is
// pure: the facets that write lxc items, id maps, the environment block of /1.0. Tests make such values by hand.

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace base {

/// `none` where no cgroup tree is mounted; `hybrid` has v1 hierarchies and a v2 tree at /sys/fs/cgroup/unified.
enum class CgroupLayout { none, v1, hybrid, v2 };

struct CgroupFacts {
    CgroupLayout layout = CgroupLayout::none;
    /// Controllers that containers can get, with the version (1 or 2) of the hierarchy they are in: "memory" -> 2. On
    /// v1 the names of /proc/cgroups ("cpu", "cpuset", "blkio"); on v2 those of cgroup.controllers ("io", "hugetlb")
    /// and, as they have no controller there, "devices" and "freezer" too.
    std::map<std::string, int> controllers;
    bool namespaces = false;       // /proc/self/ns/cgroup
    bool swap_accounting = false;  // memory.memsw.limit_in_bytes or memory.swap.max can be written
    std::string disk_weight;       // the file that takes a weight: blkio.weight, blkio.bfq.weight, io.weight; or empty
    std::set<std::string> hugetlb; // page sizes as in file names: "2MB", "1GB"

    /// 0 where it is missing.
    int version(const std::string& controller) const {
        const auto found = controllers.find(controller);
        return found == controllers.end() ? 0 : found->second;
    }
};

/// What changes while the daemon runs: see read_cpu_facts.
struct CpuFacts {
    std::set<unsigned> online;                         // that containers may use
    std::set<unsigned> isolated;                       // by isolcpus=; never given to a container by count
    std::map<unsigned, std::set<unsigned>> numa_nodes; // node -> its CPUs; empty where the kernel does not tell
};

/// What the NVIDIA runtime needs.
struct NvidiaFacts {
    std::string hook;   // liblxc's hook, or empty
    bool tools = false; // nvidia-container-cli is installed
};

struct AppArmorFacts {
    bool available = false; // enabled in the kernel, apparmor_parser is there and LXD_SECURITY_APPARMOR is not false
    bool admin = false;     // the daemon may load profiles
    bool confined = false;  // the daemon itself runs under a profile
    bool stacking = false;  // the kernel can stack
    bool stacked = false;   // the daemon runs in a stacked namespace
    std::string current;    // the daemon's own profile, without " (enforce)"
};

/// Paths that are bound into every container where the host has them (LXD's list).
inline constexpr std::array<std::string_view, 11> shared_host_paths = {
    "/dev/fuse",
    "/dev/net/tun",
    "/proc/sys/fs/binfmt_misc",
    "/sys/firmware/efi/efivars",
    "/sys/fs/fuse/connections",
    "/sys/fs/pstore",
    "/sys/kernel/config",
    "/sys/kernel/debug",
    "/sys/kernel/security",
    "/sys/kernel/tracing",
    "/dev/mqueue",
};

struct HostFacts {
    std::string kernel_version;             // uname -r
    std::vector<std::string> architectures; // LXD's names, the native one first: "x86_64", "i686"
    bool in_user_namespace = false;         // /proc/self/uid_map is not the full range

    uint64_t memory_total = 0; // bytes

    CgroupFacts cgroup;
    AppArmorFacts apparmor;
    NvidiaFacts nvidia;

    /// For the `kernel_features` of /1.0, under LXD's names (idmapped_mounts, seccomp_listener, unpriv_fscaps ...).
    std::map<std::string, bool> kernel_features;
    bool idmapped_mounts = false; // mount_setattr(MOUNT_ATTR_IDMAP), unless LXD_IDMAPPED_MOUNTS_DISABLE
    bool core_scheduling = false;

    /// Those of shared_host_paths that exist, with whether each is a folder.
    std::map<std::string, bool> shared_paths;
    /// Where lxcfs is mounted ("/var/lib/lxcfs"), or empty.
    std::string lxcfs;
    /// Files below `lxcfs` to lay over a container's own: "proc/meminfo", "sys/devices/system/cpu/online".
    std::vector<std::string> lxcfs_files;

    // The raw text of the files that decide the id range; instance/idmap reads them.
    bool has_newuidmap = false; // newuidmap and newgidmap are installed
    std::string subuid;         // /etc/subuid; empty where there is none
    std::string subgid;
    std::string uid_map; // /proc/self/uid_map
    std::string gid_map;
};

/// What the files below `root` tell ("" is the host itself; tests give a tree of their own). Kernel, architectures,
/// programs and probed features stay empty.
HostFacts read_host_facts(const std::string& root);
/// The CPUs as they are now, of the host and of the control group that containers are made in.
CpuFacts read_cpu_facts(const std::string& root = "");
/// Everything about the host that we run on. Takes some milliseconds; called once, at start.
HostFacts detect_host_facts();

} // namespace base
