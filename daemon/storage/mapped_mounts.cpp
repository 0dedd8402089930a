#include "daemon/storage/mapped_mounts.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/storage/layout.h"

// <sys/mount.h> has these as well, but does not go together with <linux/mount.h> in glibc 2.36.
extern "C" int mount(const char* source, const char* target, const char* type, unsigned long flags,
                     const void* data) noexcept;
extern "C" int umount2(const char* target, int flags) noexcept;

namespace storage {

namespace {

constexpr unsigned long make_private = 1U << 18U; // MS_PRIVATE
constexpr int detach = 2;                         // MNT_DETACH
constexpr int no_follow = 8;                      // UMOUNT_NOFOLLOW
constexpr int64_t all_ids = int64_t{1} << 32U;
constexpr int64_t roots_own_id = 4294967280; // on disk, for what the daemon's root makes in a mapped mount
constexpr int64_t seen_passing = 4294967281;
constexpr size_t most_namespaces = 64;

using base::fail;

schema::IdMap of_kind(const schema::IdMap& map, schema::IdKind kind) {
    if (map.empty()) return {{true, true, 0, 0, all_ids - 1}};
    schema::IdMap entries;
    for (const auto& entry : map)
        if (kind == schema::IdKind::uid ? entry.is_uid : entry.is_gid) entries.push_back(entry);
    return entries;
}

bool changes_nothing(const IdShift& ids) {
    return schema::same_ids(ids.from, ids.to);
}

/// A process in a user namespace of its own that ends when `alive` is closed on the other side. Nothing but system
/// calls is made in it: it is a copy of a process that may have been anywhere.
pid_t hold_user_namespace(const base::Pipe& alive) {
    const auto child = static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0));
    if (child < 0) fail("Failed making a user namespace");
    if (child > 0) return child;
    char byte = 0;
    ::syscall(SYS_close, alive.write_end.get());
    while (::syscall(SYS_read, alive.read_end.get(), &byte, 1) < 0) {
    }
    ::syscall(SYS_exit_group, 0);
    __builtin_unreachable();
}

base::Fd make_user_namespace(const std::string& uids, const std::string& gids) {
    auto alive = base::make_pipe();
    const auto child = hold_user_namespace(alive);
    const std::shared_ptr<void> end(nullptr, [&](void*) {
        alive.write_end.reset();
        while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
        }
    });
    const auto folder = fmt::format("/proc/{}", child);
    base::write_file(folder + "/uid_map", uids);
    base::write_file(folder + "/gid_map", gids);
    const auto path = folder + "/ns/user";
    return base::checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
}

/// As in /proc/self/mountinfo, where blanks and the like are octal.
std::string unescaped(std::string_view text) {
    std::string plain;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

std::string lines_of(const schema::IdMap& map, schema::IdKind kind) {
    std::string lines;
    for (const auto& entry : of_kind(map, kind))
        lines += fmt::format("{} {} {}\n", entry.ns_id, entry.host_id, entry.range);
    return lines;
}

base::Fd detached_tree(const std::string& path, unsigned depth) {
    const auto tree = ::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | depth);
    return base::checked(static_cast<int>(tree), "Failed mounting " + path + " again");
}

void map_owners(const base::Fd& tree, unsigned depth, const base::Fd& user_namespace, const std::string& shown) {
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<uint64_t>(user_namespace.get());
    if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH | depth, &attributes, sizeof attributes) < 0)
        fail("Failed mapping the owners of files in " + shown);
}

void attach(const base::Fd& tree, const std::string& shown, const std::string& target) {
    if (::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) < 0)
        fail("Failed mounting " + shown + " on " + target);
}

/// A folder in words that no option can be mistaken about.
std::string named(const base::Fd& folder) {
    return fmt::format("/proc/self/fd/{}", folder.get());
}

std::string mount_point_of(std::string_view line) {
    for (int field = 0; field < 4; ++field) line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
    return unescaped(line.substr(0, line.find(' ')));
}

} // namespace

std::string mount_map(const IdShift& ids, schema::IdKind kind, int64_t passing) {
    std::string lines;
    bool shows_root = false;
    bool passes = passing == roots_own_id;
    for (const auto& disk : of_kind(ids.from, kind))
        for (const auto& shown : of_kind(ids.to, kind)) {
            const auto begin = std::max(disk.ns_id, shown.ns_id);
            const auto end = std::min(disk.ns_id + disk.range, shown.ns_id + shown.range);
            if (begin >= end) continue;
            const auto at = begin - shown.ns_id + shown.host_id;
            shows_root = shows_root || at == 0;
            const auto from = begin - disk.ns_id + disk.host_id;
            passes = passes || (from <= passing && passing < from + end - begin);
            lines += fmt::format("{} {} {}\n", from, at, end - begin);
        }
    if (!shows_root) lines += fmt::format("{} 0 1\n", roots_own_id);
    if (!passes) lines += fmt::format("{} {} 1\n", passing, seen_passing);
    return lines;
}

std::shared_ptr<const base::Fd> MappingNamespaces::get(const IdShift& ids, uid_t passing_uid, gid_t passing_gid) {
    if (changes_nothing(ids)) return nullptr;
    return get(mount_map(ids, schema::IdKind::uid, passing_uid), mount_map(ids, schema::IdKind::gid, passing_gid));
}

std::shared_ptr<const base::Fd> MappingNamespaces::get(const schema::IdMap& ids) {
    return get(lines_of(ids, schema::IdKind::uid), lines_of(ids, schema::IdKind::gid));
}

std::shared_ptr<const base::Fd> MappingNamespaces::get(const std::string& uids, const std::string& gids) {
    const std::scoped_lock lock(mutex_);
    if (by_map_.size() >= most_namespaces) by_map_.clear();
    auto& made = by_map_[uids + "/" + gids];
    if (!made) made = std::make_shared<const base::Fd>(make_user_namespace(uids, gids));
    return made;
}

base::Fd detached_mount(const std::string& folder) {
    return detached_tree(folder, 0);
}

void map_mount(const std::string& path, bool recursive, const base::Fd& user_namespace) {
    const unsigned depth = recursive ? AT_RECURSIVE : 0;
    const auto tree = detached_tree(path, depth);
    map_owners(tree, depth, user_namespace, path);
    // Or the kernel would mount it on all peers of what is covered, the source itself among them.
    if (::mount(nullptr, path.c_str(), nullptr, make_private, nullptr) < 0) fail("Failed covering " + path);
    attach(tree, path, path);
}

ScratchMount scratch_folder(std::string path) {
    base::make_dir(path, 0700);
    return {new std::string(std::move(path)), [](const std::string* made) {
                detach_mounts(*made);
                ::rmdir(made->c_str());
                delete made;
            }};
}

ScratchMount mount_again(const std::string& folder, const std::string& target, const base::Fd* user_namespace) {
    const auto tree = detached_mount(folder);
    if (user_namespace != nullptr) map_owners(tree, 0, *user_namespace, folder);
    auto scratch = scratch_folder(target);
    attach(tree, folder, target);
    return scratch;
}

void mount_overlay(const Layers& layers, const std::string& target) {
    // Copies of an upper layer must go on working: nothing in it may refer to inodes (index). Renames of folders leave
    // a path (redirect_dir), which they do not. Files are copied up whole (metacopy), so that a layer says all that
    // was changed.
    std::string options = "redirect_dir=on,index=off,metacopy=off,lowerdir=";
    for (const auto& layer : layers.lower) options += (options.ends_with('=') ? "" : ":") + named(layer);
    if (layers.upper) options += fmt::format(",upperdir={},workdir={}", named(layers.upper), named(layers.work));
    const unsigned long flags = layers.upper ? 0 : MS_RDONLY;
    if (::mount("lxd-overlay", target.c_str(), "overlay", flags, options.c_str()) < 0)
        fail("Failed mounting the layers of " + target);
    struct statvfs status{};
    if (!layers.upper || (::statvfs(target.c_str(), &status) == 0 && (status.f_flag & ST_RDONLY) == 0)) return;
    detach_mounts(target);
    errno = EROFS;
    fail("Failed mounting the layers of " + target);
}

void detach_mounts(const std::string& path) {
    while (layout::is_mount_point(path) && ::umount2(path.c_str(), detach | no_follow) == 0) {
    }
}

void detach_mounts_below(const std::string& folder) {
    std::vector<std::string> found;
    const auto table = base::read_file("/proc/self/mountinfo");
    for (std::string_view rest = table; !rest.empty();) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        auto point = mount_point_of(line);
        if (point.starts_with(folder + "/")) found.push_back(std::move(point));
    }
    for (auto point = found.rbegin(); point != found.rend(); ++point) ::umount2(point->c_str(), detach | no_follow);
}

} // namespace storage
