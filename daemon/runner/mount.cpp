#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/runner/enter.h"
#include "daemon/runner/paths.h"
#include "daemon/runner/verbs.h"

namespace runner {

namespace {

constexpr int init_pidfd = 3;
// <sys/mount.h> has these as well, but does not go together with <linux/mount.h> in glibc 2.36.
constexpr int detach_mount = 2;

bool has(const Arguments& arguments, const char* word) {
    return std::ranges::find(arguments, word) != arguments.end();
}

void check(long result, const std::string& what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

/// The "Pid:" line of what /proc says of a pidfd.
std::string pid_of(int pidfd) {
    const auto info = base::read_file("/proc/self/fdinfo/" + std::to_string(pidfd));
    const auto start = info.find("Pid:");
    if (start == std::string::npos) throw std::invalid_argument("descriptor 3 is no pidfd");
    return info.substr(start + 5, info.find('\n', start) - start - 5);
}

/// Nothing where the container shares our user namespace, in which there is nothing to map.
base::Fd user_namespace_of(int pidfd) {
    const auto path = "/proc/" + pid_of(pidfd) + "/ns/user";
    auto theirs = base::checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
    struct stat our_info{};
    struct stat their_info{};
    check(::stat("/proc/self/ns/user", &our_info), "/proc/self/ns/user");
    check(::fstat(theirs.get(), &their_info), path);
    if (our_info.st_ino == their_info.st_ino) return {};
    return theirs;
}

void set_attributes(const base::Fd& tree, mount_attr attributes, unsigned flags, const std::string& what) {
    check(::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH | flags, &attributes, sizeof attributes), what);
}

struct MountOption {
    const char* word;
    uint64_t set;
    uint64_t clear;
};
constexpr MountOption mount_options[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
};

void set_options(const base::Fd& tree, const Arguments& arguments, unsigned depth) {
    mount_attr attributes{};
    for (const auto& [word, set, clear] : mount_options) {
        if (!has(arguments, word)) continue;
        attributes.attr_set |= set;
        attributes.attr_clr |= clear;
    }
    if (attributes.attr_set != 0 || attributes.attr_clr != 0)
        set_attributes(tree, attributes, depth, "Failed setting the options of the mount");
}

struct Propagation {
    const char* word;
    uint64_t kind;
    unsigned depth;
};
constexpr Propagation propagations[] = {
    {"private", MS_PRIVATE, 0},
    {"shared", MS_SHARED, 0},
    {"slave", MS_SLAVE, 0},
    {"unbindable", MS_UNBINDABLE, 0},
    {"rprivate", MS_PRIVATE, AT_RECURSIVE},
    {"rshared", MS_SHARED, AT_RECURSIVE},
    {"rslave", MS_SLAVE, AT_RECURSIVE},
    {"runbindable", MS_UNBINDABLE, AT_RECURSIVE},
};

void set_propagation(const base::Fd& tree, uint64_t kind, unsigned depth) {
    mount_attr attributes{};
    attributes.propagation = kind;
    set_attributes(tree, attributes, depth, "Failed setting the propagation of the mount");
}

/// A copy of the mount at `source`, seen by nobody yet.
base::Fd detached_tree(const std::string& source, bool recursive) {
    const auto flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
    return base::checked(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, source.c_str(), flags)), source);
}

/// Makes every missing folder above the last name, then a folder or an empty file.
void make_target(const base::Fd& root, const std::string& path, bool folder) {
    for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        const auto place = place_of(root, path.substr(0, slash));
        if (::mkdirat(place.folder.get(), place.name.c_str(), 0755) < 0 && errno != EEXIST) check(-1, path);
    }
    const auto place = place_of(root, path);
    if (folder) return check(::mkdirat(place.folder.get(), place.name.c_str(), 0755), "mkdir " + path);
    base::checked(::openat(place.folder.get(), place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644),
                  path);
}

base::Fd open_target(const base::Fd& root, const std::string& path, bool folder) {
    try {
        return base::open_in_root(root.get(), path, O_PATH);
    } catch (const std::system_error& error) {
        if (error.code().value() != ENOENT) throw;
    }
    make_target(root, path, folder);
    return base::open_in_root(root.get(), path, O_PATH);
}

/// Nothing where the container removed it, or it was never made because what it should show is missing.
base::Fd mounted_at(const base::Fd& root, const std::string& path) {
    try {
        return base::open_in_root(root.get(), path, O_PATH);
    } catch (const std::system_error& error) {
        if (error.code().value() != ENOENT) throw;
        return {};
    }
}

/// As LXD does after unmounting: what was made to mount on goes. Whatever else it may be has content, and stays.
void remove_target(const base::Fd& root, const std::string& path) {
    if (path.ends_with("/.") || path.ends_with("/..")) return;
    const auto place = place_of(root, path);
    struct stat info{};
    if (::fstatat(place.folder.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) return;
    if (S_ISDIR(info.st_mode)) (void)::unlinkat(place.folder.get(), place.name.c_str(), AT_REMOVEDIR);
    if (S_ISREG(info.st_mode) && info.st_size == 0) (void)::unlinkat(place.folder.get(), place.name.c_str(), 0);
}

base::Fd container_root() {
    return base::checked(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), "/");
}

} // namespace

int mount(const Arguments& arguments) {
    if (arguments.size() < 2) throw std::invalid_argument("mount: expected SOURCE TARGET and words");
    const auto& source = arguments[0];
    const bool recursive = has(arguments, "recursive");
    const auto tree = detached_tree(source, recursive);
    struct stat info{};
    check(::fstat(tree.get(), &info), source);

    const unsigned depth = recursive ? AT_RECURSIVE : 0;
    set_options(tree, arguments, depth);
    // As at a start: what the container mounts there never reaches the host.
    set_propagation(tree, MS_SLAVE, AT_RECURSIVE);
    if (has(arguments, "idmapped")) {
        if (const auto users = user_namespace_of(init_pidfd)) {
            mount_attr attributes{};
            attributes.attr_set = MOUNT_ATTR_IDMAP;
            attributes.userns_fd = static_cast<uint64_t>(users.get());
            set_attributes(tree, attributes, depth, "Failed mapping the owners of " + source);
        }
    }

    enter_container(init_pidfd);
    const auto path = absolute(arguments[1]);
    const auto target = open_target(container_root(), path, S_ISDIR(info.st_mode));
    check(
        ::syscall(SYS_move_mount, tree.get(), "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
        "Failed mounting on " + path);
    // Only now: a mount takes after the one that it is mounted on.
    for (const auto& propagation : propagations)
        if (has(arguments, propagation.word)) set_propagation(tree, propagation.kind, propagation.depth);
    return 0;
}

int unmount(const Arguments& arguments) {
    if (arguments.size() != 1) throw std::invalid_argument("unmount: expected TARGET");
    // There is no call to unmount by descriptor, and the container's /proc is not ours to trust: our own is kept open.
    const auto descriptors = base::checked(::open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC), "/proc/self/fd");
    enter_container(init_pidfd);
    const auto root = container_root();
    const auto path = absolute(arguments[0]);
    {
        const auto target = mounted_at(root, path);
        if (!target) return 0;
        check(::fchdir(descriptors.get()), "/proc/self/fd");
        const auto done = ::syscall(SYS_umount2, std::to_string(target.get()).c_str(), detach_mount);
        if (done < 0 && errno == EINVAL) return 0; // Nothing is mounted here: the container's own file stays.
        check(done, "Failed unmounting " + path);
    }
    remove_target(root, path);
    return 0;
}

} // namespace runner
