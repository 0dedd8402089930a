#include <cerrno>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/runner/intercept.h"
#include "daemon/runner/intercepted_calls.h"

namespace runner {

namespace {

/// 0 where the caller (it runs as that) may make names in the folder; an errno.
int may_write(int folder) {
    return ::syscall(SYS_faccessat2, folder, ".", W_OK | X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/// What a descriptor of the caller stands for; AT_FDCWD is its working folder.
base::Fd folder_of(const Caller& caller, int number) {
    base::Fd fd;
    if (number == AT_FDCWD)
        fd.reset(::fcntl(caller.folder.get(), F_DUPFD_CLOEXEC, 0));
    else if (number >= 0)
        fd.reset(
            ::openat(intercept_caller_fd, ("fd/" + std::to_string(number)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) throw GoOn();
    return fd;
}

} // namespace

int64_t intercepted_mknod(const Caller& caller, const Arguments& arguments) {
    const auto folder = folder_of(caller, static_cast<int>(number_of(arguments.at(0))));
    const auto path = in_callers_words(caller, arguments.at(1));
    const auto mode = static_cast<mode_t>(number_of(arguments.at(2)));
    const auto device =
        makedev(static_cast<unsigned>(number_of(arguments.at(3))), static_cast<unsigned>(number_of(arguments.at(4))));
    const auto slash = path.rfind('/');
    const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    const auto parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    if (name.empty() || name == "." || name == "..") throw GoOn();
    if (!caller.has(CAP_MKNOD)) throw GoOn(); // the kernel knows which error comes first

    Opened opened;
    as_caller(
        caller,
        [&](Opened& out) {
            out[0] = ::openat(folder.get(), parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
            return out[0] < 0 ? errno : may_write(out[0]);
        },
        opened);
    struct statvfs mount{};
    if (::fstatvfs(opened[0], &mount) < 0 || (mount.f_flag & ST_NODEV) != 0) throw CallError{EPERM};
    // The right to write the folder was seen above, by the container's rules for it; its own root's are no longer known
    // to this process.
    make_files_as(caller, {CAP_MKNOD, CAP_DAC_OVERRIDE});
    if (::mknodat(opened[0], name.c_str(), mode, device) < 0) throw CallError{errno};
    return 0;
}

int64_t intercepted_setxattr(const Caller& caller, const Arguments& arguments) {
    if (!caller.has(CAP_SYS_ADMIN)) throw GoOn();
    const auto path = in_callers_words(caller, arguments.at(0));
    Opened opened;
    as_caller(
        caller,
        [&](Opened& out) {
            out[0] = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            return out[0] < 0 ? errno : may_write(out[0]);
        },
        opened);
    if (::fsetxattr(opened[0], "trusted.overlay.opaque", "y", 1, static_cast<int>(number_of(arguments.at(1)))) < 0)
        throw CallError{errno};
    return 0;
}

} // namespace runner
