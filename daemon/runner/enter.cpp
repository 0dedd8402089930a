#include "daemon/runner/enter.h"

#include <cerrno>
#include <sched.h>
#include <system_error>

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"

namespace runner {

namespace {

void check(int result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

void become_root() {
    if (::setgroups(0, nullptr) < 0 && errno != EPERM) check(-1, "Failed dropping groups");
    check(::setresgid(0, 0, 0), "Failed becoming the container's root group");
    check(::setresuid(0, 0, 0), "Failed becoming the container's root");
}

/// In a process of its own, once the other end of the pipe is closed: `process` is in its new namespace then.
bool write_maps(const schema::IdMap& map, const std::string& process, base::Pipe& ready) noexcept {
    try {
        ready.write_end.reset();
        char none = 0;
        while (::read(ready.read_end.get(), &none, 1) < 0 && errno == EINTR) {
        }
        std::string uids;
        std::string gids;
        for (const auto& entry : map) {
            const auto line = fmt::format("{} {} {}\n", entry.ns_id, entry.host_id, entry.range);
            // One for both kinds is in the map once for each.
            if (entry.is_uid && uids.find(line) == std::string::npos) uids += line;
            if (entry.is_gid && gids.find(line) == std::string::npos) gids += line;
        }
        base::write_file("/proc/" + process + "/uid_map", uids);
        base::write_file("/proc/" + process + "/gid_map", gids);
        return true;
    } catch (const std::exception&) {
        return false;
    }
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
    if (user_namespace) become_root();
}

void enter_user_namespace(const schema::IdMap& map) {
    if (map.empty()) return;
    // Only from outside can more than one id be mapped.
    const auto ourselves = std::to_string(::getpid());
    auto ready = base::make_pipe();
    const auto outside = ::fork();
    check(outside, "fork");
    if (outside == 0) ::_exit(write_maps(map, ourselves, ready) ? 0 : 1);
    check(::unshare(CLONE_NEWUSER), "Failed making a user namespace");
    ready.read_end.reset();
    ready.write_end.reset();
    int status = 0;
    check(::waitpid(outside, &status, 0), "waitpid");
    if (status != 0) throw std::system_error(EPERM, std::generic_category(), "Failed mapping the ids of the files");
    become_root();
}

} // namespace runner
