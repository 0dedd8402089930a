#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/base/parent.h"
#include "daemon/runner/cgroup_tree.h"
#include "daemon/runner/lxc_log.h"
#include "daemon/runner/verbs.h"
#include "lxcwrap/container.h"

namespace runner {

namespace {

/// The monitor becomes our child when the process between us and it ends, so that its end can be awaited.
void adopt_orphans() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/// The parent of init; whatever else a hook left running may be our child as well. Where init has ended already, the
/// monitor is the only child that is left when liblxc's start has returned.
std::string monitor_pid(pid_t init) {
    if (const auto parent = base::parent_of(init); parent != 0) return std::to_string(parent);
    const auto self = std::to_string(::getpid());
    auto children = base::read_file("/proc/" + self + "/task/" + self + "/children");
    return children.substr(0, children.find(' '));
}

/// Waits until the monitor has cleaned up. Whatever it leaves becomes our child as well, so this returns when nothing
/// of the failed start is left.
void await_monitor() {
    siginfo_t info{};
    while (::waitid(P_ALL, 0, &info, WEXITED) == 0 || errno == EINTR) {
    }
}

/// Where liblxc finds newuidmap and newgidmap it runs each of them through a shell, although root may write the maps
/// itself: a sixth of the time that a start takes. A hook's shell falls back to its own default path.
///
/// Not where liblxc writes the AppArmor profile: it looks for apparmor_parser there, now and when the container stops.
void hide_map_programs(const lxcwrap::Container& container) {
    if (container.item("lxc.apparmor.profile") != "generated") ::unsetenv("PATH");
}

/// Says that a start is under way for as long as this process lives, whatever becomes of the daemon. A record lock is
/// not inherited by the monitor, and there is nothing to remove after a crash. The descriptor stays open with the lock.
int hold(const std::string& lock_file) {
    const int fd = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock{};
    lock.l_type = F_WRLCK;
    if (fd < 0 || ::fcntl(fd, F_SETLK, &lock) < 0)
        throw std::system_error(errno, std::generic_category(), "start: lock " + lock_file);
    return fd;
}

/// For a later daemon: once init has ended, nothing else tells which process cleans up after it. Only a help, for which
/// no start fails.
void record(int lock_file, const std::string& monitor) {
    if (::ftruncate(lock_file, 0) == 0 && ::pwrite(lock_file, monitor.data(), monitor.size(), 0) < 0)
        (void)::ftruncate(lock_file, 0);
}

/// So that the first command need not wait until liblxc has made the place and moved it there (see base::CgroupMoves).
/// The container's root owns it, as it would liblxc's. Only a help, for which no start fails.
void make_place_for_commands(const std::string& name, pid_t init) {
    const auto proc = "/proc/" + std::to_string(init);
    struct stat root{};
    if (::stat(proc.c_str(), &root) < 0) return;
    for (const auto& cgroup : cgroups_of(proc)) {
        const auto payload = payload_of(cgroup.path, name);
        if (!cgroup.unified || payload.empty()) continue;
        ::setfsgid(root.st_gid);
        ::setfsuid(root.st_uid);
        ::mkdir((cgroup.mount + payload + cgroup_of_commands).c_str(), 0755);
        ::setfsuid(0);
        ::setfsgid(0);
    }
}

void print_reason(const std::string& name, const std::string& log_file) {
    const auto log = base::read_file_if_exists(log_file).value_or("");
    const auto messages = error_messages(log);
    std::fprintf(stderr, "%s\n",
                 messages.empty() ? ("liblxc gave no reason for \"" + name + "\"").c_str() : messages.c_str());
}

} // namespace

int start(const Arguments& arguments) {
    if (arguments.size() != 5) throw std::invalid_argument("start: expected NAME LXCPATH CONF LOG LOCK");
    const int lock_file = hold(arguments[4]);
    lxcwrap::Container container(arguments[0], arguments[1]);
    try {
        container.load_config(arguments[2]);
    } catch (...) {
        print_reason(arguments[0], arguments[3]);
        throw;
    }
    adopt_orphans();
    hide_map_programs(container);
    if (!container.start()) {
        await_monitor();
        // liblxc counts the process that called start to the monitor, whose cgroup it could therefore not remove.
        leave_own_cgroups("lxc.monitor.");
        print_reason(arguments[0], arguments[3]);
        return 1;
    }
    const auto init = container.init_pid().value_or(0);
    const auto monitor = monitor_pid(init);
    record(lock_file, monitor);
    try {
        make_place_for_commands(arguments[0], init);
    } catch (const std::exception&) { // Init may have ended.
    }
    std::printf("%s %d\n", monitor.c_str(), init);
    return 0;
}

} // namespace runner
