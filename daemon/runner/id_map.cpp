#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/runner/verbs.h"

namespace runner {

namespace {

/// A user namespace that nobody is in, in which one id is mapped.
base::Fd user_namespace() {
    const auto child = static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr));
    if (child < 0) throw std::system_error(errno, std::generic_category(), "Failed making a user namespace");
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (true) ::pause();
    }
    const auto folder = "/proc/" + std::to_string(child);
    base::Fd users;
    try {
        base::write_file(folder + "/uid_map", "0 0 1");
        base::write_file(folder + "/gid_map", "0 0 1");
        users = base::checked(::open((folder + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC), folder);
    } catch (...) {
        ::kill(child, SIGKILL);
        throw;
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    return users;
}

} // namespace

int try_id_map(const Arguments& arguments) {
    if (arguments.size() != 1) throw std::invalid_argument("try-id-map: expected PATH");
    const auto& path = arguments[0];
    const auto users = user_namespace();
    const auto tree = base::checked(
        static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)), path);
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<uint64_t>(users.get());
    if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
        throw std::system_error(errno, std::generic_category(), path);
    return 0;
}

} // namespace runner
