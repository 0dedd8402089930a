#include <cerrno>
#include <fstream>
#include <optional>

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
#include "daemon/runner/mount_options.h"

namespace runner {

namespace {

base::Fd opened_by(long result) {
    if (result < 0) throw CallError{errno};
    return base::Fd(static_cast<int>(result));
}

void check(long result) {
    if (result < 0) throw CallError{errno};
}

/// A process mounts where it has the right to in the user namespace that its mount namespace belongs to.
void check_may_mount(const Caller& caller) {
    const base::Fd owner(::ioctl(caller.mount_ns.get(), NS_GET_USERNS));
    struct stat owners{};
    struct stat callers{};
    const bool its_own = owner && ::fstat(owner.get(), &owners) == 0 && ::fstat(caller.user_ns.get(), &callers) == 0 &&
                         owners.st_ino == callers.st_ino && owners.st_dev == callers.st_dev;
    if (!its_own || !caller.has(CAP_SYS_ADMIN)) throw GoOn();
}

/// Whether a type of filesystem is on a block device. The kernel knows it once fsopen has found it.
bool needs_device(const std::string& type) {
    std::ifstream lines("/proc/filesystems");
    for (std::string line; std::getline(lines, line);) {
        if (line == "\t" + type) return true;
        if (line == "nodev\t" + type) return false;
    }
    throw CallError{ENODEV};
}

base::Fd begun(const std::string& type) {
    return opened_by(::syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC));
}

void set(const base::Fd& filesystem, const std::string& key, const std::string& value) {
    check(value.empty()
              ? ::syscall(SYS_fsconfig, filesystem.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
              : ::syscall(SYS_fsconfig, filesystem.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0));
}

base::Fd made(const base::Fd& filesystem, uint64_t attributes) {
    check(::syscall(SYS_fsconfig, filesystem.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
    return opened_by(::syscall(SYS_fsmount, filesystem.get(), FSMOUNT_CLOEXEC, attributes));
}

/// What the caller named: where to mount, and the device that it may open as it would be used.
struct Places {
    base::Fd target;
    std::optional<dev_t> device;
};
Places open_places(const Caller& caller, const std::string& source, const std::string& target, bool device,
                   bool write) {
    Opened opened;
    const auto from = in_callers_words(caller, source);
    const auto on = in_callers_words(caller, target);
    as_caller(
        caller,
        [&](Opened& out) {
            out[0] = ::open(on.c_str(), O_PATH | O_CLOEXEC);
            if (out[0] < 0) return errno;
            if (device) out[1] = ::open(from.c_str(), (write ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
            return device && out[1] < 0 ? errno : 0;
        },
        opened);
    Places places{base::Fd(opened[0]), std::nullopt};
    if (!device) return places;
    const base::Fd block(opened[1]);
    struct stat info{};
    check(::fstat(block.get(), &info));
    if (!S_ISBLK(info.st_mode)) throw CallError{ENOTBLK};
    places.device = info.st_rdev;
    return places;
}

/// The kernel opens a device by its name, and the container can change what a name means: it gets a root folder of its
/// own, in which the name means what the caller was let open, and nothing else is. Names of anything else mean nothing.
void enter_folder_with(const std::string& name, std::optional<dev_t> device) {
    const auto root = made(begun("tmpfs"), 0);
    if (device) {
        base::Fd folder(::fcntl(root.get(), F_DUPFD_CLOEXEC, 0));
        for (size_t start = name.find_first_not_of('/'); start != std::string::npos;) {
            const auto end = name.find('/', start);
            const auto part = name.substr(start, end == std::string::npos ? end : end - start);
            if (part == "." || part == "..") throw GoOn();
            if (name.find_first_not_of('/', end) == std::string::npos || end == std::string::npos) {
                check(::mknodat(folder.get(), part.c_str(), S_IFBLK | 0600, *device));
                break;
            }
            check(::mkdirat(folder.get(), part.c_str(), 0700));
            folder = opened_by(::openat(folder.get(), part.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
            start = name.find_first_not_of('/', end);
        }
    }
    check(::fchdir(root.get()));
    check(::chroot("."));
}

/// Not every filesystem can: then its owners are the host's.
void map_owners(const base::Fd& tree, const Caller& caller) {
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<uint64_t>(caller.user_ns.get());
    (void)::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes);
}

/// A copy of the mount whose attributes the container cannot take off: a kernel locks those of mounts that come into a
/// less privileged mount namespace. Without that, root of a container that can write to the device below could make
/// itself a node of any device of the host.
base::Fd locked(const base::Fd& tree, const Caller& caller) {
    check(::unshare(CLONE_NEWNS));
    mount_attr apart{};
    apart.propagation = MS_PRIVATE;
    check(::syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &apart, sizeof apart));
    check(::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH));
    Opened opened;
    in_child(
        [&](Opened& out) {
            check(::setns(caller.user_ns.get(), CLONE_NEWUSER));
            check(::unshare(CLONE_NEWNS));
            out[0] = static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
            return out[0] < 0 ? errno : 0;
        },
        opened);
    return base::Fd(opened[0]);
}

} // namespace

int64_t intercepted_mount(const Caller& caller, const Arguments& arguments) {
    const auto& type = arguments.at(0);
    const auto& source = arguments.at(1);
    const auto flags = static_cast<uint64_t>(number_of(arguments.at(3)));
    check_may_mount(caller);

    const auto filesystem_known = begun(type);
    const bool device = needs_device(type);
    const auto places = open_places(caller, source, arguments.at(2), device, (flags & MS_RDONLY) == 0);
    const auto data = type != "hugetlbfs"
                          ? arguments.at(4)
                          : hugetlbfs_data(arguments.at(4), caller.uid_map, caller.gid_map, caller.euid, caller.egid);
    check(::setns(caller.net_ns.get(), CLONE_NEWNET)); // of a network's filesystem
    const auto host_root = opened_by(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    enter_folder_with(source, places.device);
    const auto filesystem = begun(type);
    if (!source.empty()) set(filesystem, "source", source);
    for (const auto& [key, value] : filesystem_options(flags, data)) {
        if (key == "source") throw CallError{EINVAL};
        set(filesystem, key, value);
    }
    auto tree = made(filesystem, mount_attributes(flags) | MOUNT_ATTR_NODEV);
    if (arguments.at(5) == "map") map_owners(tree, caller);

    check(::fchdir(host_root.get()));
    check(::chroot("."));
    tree = locked(tree, caller);
    check(::setns(caller.mount_ns.get(), CLONE_NEWNS));
    check(::syscall(SYS_move_mount, tree.get(), "", places.target.get(), "",
                    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
    return 0;
}

} // namespace runner
