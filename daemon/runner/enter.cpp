#include "daemon/runner/enter.h"

#include <cerrno>
#include <sched.h>
#include <system_error>

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace runner {

namespace {

void check(int result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

void enter_container(int pidfd) {
    // EINVAL: nobody can join the user namespace that it is in already.
    const bool user_namespace = ::setns(pidfd, CLONE_NEWUSER) == 0;
    if (!user_namespace && errno != EINVAL) check(-1, "Failed joining the container's user namespace");
    check(::setns(pidfd, CLONE_NEWNS), "Failed joining the container's mount namespace");
    // What /proc and /sys show depends on these. One that the container shares with the host cannot be joined, nor need
    // be.
    for (const int kind : {CLONE_NEWUTS, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWCGROUP}) (void)::setns(pidfd, kind);
    ::umask(0);
    if (!user_namespace) return;
    if (::setgroups(0, nullptr) < 0 && errno != EPERM) check(-1, "Failed dropping groups");
    check(::setresgid(0, 0, 0), "Failed becoming the container's root group");
    check(::setresuid(0, 0, 0), "Failed becoming the container's root");
}

} // namespace runner
