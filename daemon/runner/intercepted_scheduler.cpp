#include <cerrno>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/runner/intercepted_calls.h"

namespace runner {

namespace {

/// As /proc is seen in this process's pid namespace, and by nobody else.
base::Fd own_proc() {
    const base::Fd filesystem(static_cast<int>(::syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC)));
    if (!filesystem) throw CallError{errno};
    if (::syscall(SYS_fsconfig, filesystem.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) throw CallError{errno};
    base::Fd mount(static_cast<int>(::syscall(SYS_fsmount, filesystem.get(), FSMOUNT_CLOEXEC, 0)));
    if (!mount) throw CallError{errno};
    return mount;
}

/// Whether a user namespace is the caller's or below it.
bool is_within(base::Fd user_ns, const Caller& caller) {
    struct stat callers{};
    if (::fstat(caller.user_ns.get(), &callers) < 0) return false;
    while (user_ns) {
        struct stat info{};
        if (::fstat(user_ns.get(), &info) < 0) return false;
        if (info.st_ino == callers.st_ino && info.st_dev == callers.st_dev) return true;
        user_ns.reset(::ioctl(user_ns.get(), NS_GET_PARENT));
    }
    return false;
}

int set_scheduler(const Caller& caller, pid_t thread, int policy, int priority) {
    // What of the host works in the container for a moment is in its pid namespace, but not its to change.
    const auto proc = own_proc();
    base::Fd user_ns(::openat(proc.get(), (std::to_string(thread) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    if (!user_ns) return ESRCH;
    if (!is_within(std::move(user_ns), caller)) return EPERM;
    const sched_param parameters{priority};
    return ::sched_setscheduler(thread, policy, &parameters) < 0 ? errno : 0;
}

} // namespace

int64_t intercepted_sched_setscheduler(const Caller& caller, const Arguments& arguments) {
    const auto thread = static_cast<pid_t>(number_of(arguments.at(0)));
    const auto policy = static_cast<int>(number_of(arguments.at(1)));
    const auto priority = static_cast<int>(number_of(arguments.at(2)));
    // As LXD: root of the container alone.
    if (id_inside(caller.uid_map, caller.euid) != 0U || id_inside(caller.gid_map, caller.egid) != 0U) throw GoOn();
    if (!caller.has(CAP_SYS_NICE)) throw GoOn();
    if (::setns(caller.pid_ns.get(), CLONE_NEWPID) < 0) throw CallError{errno};
    Opened ignored;
    // The number means a thread in that namespace only for a process that is there.
    in_child([&](Opened&) { return set_scheduler(caller, thread == 0 ? caller.own_thread : thread, policy, priority); },
             ignored);
    return 0;
}

} // namespace runner
