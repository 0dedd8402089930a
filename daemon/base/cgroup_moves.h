#pragma once
// Foresees moves of processes between cgroups. The first of them makes the kernel wait for a grace period of RCU, of
// 5 to 20 ms on a machine with little to do; those that follow within some 12 ms do not. To start a container and to
// end one takes such moves, so lifecycle, which knows that one is near, lets the wait begin meanwhile. Nobody should
// where none follows: until the wait ends, no cgroup can be made or entered (a command in a container is born in its
// own). Source: percpu_down_write(&cgroup_threadgroup_rwsem) of the kernel's kernel/cgroup/cgroup.c, and its rcu_sync.

#include <atomic>
#include <optional>
#include <string>

#include "daemon/base/worker_pool.h"

namespace base {

/// The file of this process's own cgroup, in any hierarchy, that takes processes; nothing where there is none. `root`
/// stands before /proc and /sys.
std::optional<std::string> own_cgroup_processes(const std::string& root = {});

class CgroupMoves {
public:
    explicit CgroupMoves(WorkerPool& workers, std::string root = {}) : workers_(workers), root_(std::move(root)) {}

    /// Returns at once. Costs a write, by which this process stays where it is; nothing while another one runs.
    void foresee();

private:
    void stay() const;

    WorkerPool& workers_;
    std::string root_;
    std::atomic<bool> running_ = false;
};

} // namespace base
