#pragma once
// What a running container uses: memory, CPU time, processes and network, read from cgroupfs and netlink without
// starting a process and without liblxc. api renders the state of instances with it; lifecycle asks whether one is
// frozen.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <sys/types.h>

#include "schema/api/instance.h"

namespace instance {

/// The folders of a container's control groups, by controller; on v2 all are one. Paths of controllers that are not
/// there are missing.
using CgroupFolders = std::map<std::string, std::string>;

/// From /proc/PID/cgroup of a container's init: each path cut after its last component that begins with
/// "lxc.payload", because an init like systemd moves itself deeper. `v2_mount` ("/sys/fs/cgroup/unified") is where the
/// v2 tree is; `mounts` that of the v1 trees. The v2 tree is under the name "unified".
CgroupFolders payload_folders(const std::string& proc_cgroup, const std::string& mounts, const std::string& v2_mount);

/// Memory, CPU time and processes from those folders. What cannot be read is 0, as in LXD 5.0.2; on v1 swap is the
/// difference of two counters.
void read_usage(const CgroupFolders& folders, schema::InstanceState& state);
bool is_frozen(const CgroupFolders& folders);

class Reporter {
public:
    Reporter();
    ~Reporter();
    Reporter(const Reporter&) = delete;
    Reporter& operator=(const Reporter&) = delete;

    /// The state of the container with this init, its `disk` still empty: running or frozen, or stopped when the
    /// process has gone. Any thread. Keeps one netlink socket open for each container until forget().
    schema::InstanceState state(pid_t init);
    /// Whether it is frozen, by whomever.
    bool frozen(pid_t init);
    /// Call it as soon as the container has stopped: until then its network namespace lives on.
    void forget(pid_t init);

private:
    struct Container;
    std::shared_ptr<Container> find(pid_t init);

    std::string v2_mount_;
    std::mutex mutex_;
    std::map<pid_t, std::shared_ptr<Container>> containers_;
};

} // namespace instance
