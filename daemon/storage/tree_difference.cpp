#include "daemon/storage/tree_difference.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <iterator>
#include <sys/stat.h>
#include <tuple>
#include <utility>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/storage/file_attributes.h"
#include "daemon/storage/listing.h"

namespace storage {

namespace {

constexpr size_t longest_path = PATH_MAX / 2;

struct statx status_of(int folder_fd, const std::string& name) {
    struct statx status{};
    constexpr int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
    if (::statx(folder_fd, name.c_str(), flags, STATX_BASIC_STATS | STATX_BTIME, &status) < 0)
        base::fail("Failed looking at " + name);
    return status;
}

auto count_of(const struct statx_timestamp& time) {
    return std::tuple<int64_t, int64_t>(time.tv_sec, time.tv_nsec);
}

auto count_of(const timespec& time) {
    return std::tuple<int64_t, int64_t>(time.tv_sec, time.tv_nsec);
}

auto device_of(const struct statx& status) {
    return std::pair(status.stx_dev_major, status.stx_dev_minor);
}

using Inode = std::tuple<uint32_t, uint32_t, uint64_t>;

Inode inode_of(const struct statx& status) {
    return {status.stx_dev_major, status.stx_dev_minor, status.stx_ino};
}

bool same_look(const struct statx& a, const struct statx& b) {
    const auto look = [](const struct statx& of) {
        return std::tuple(of.stx_mode, of.stx_uid, of.stx_gid, count_of(of.stx_mtime));
    };
    return look(a) == look(b);
}

/// Of what is no folder.
bool same_size(const struct statx& a, const struct statx& b) {
    const auto size = [](const struct statx& of) {
        return std::tuple(of.stx_size, of.stx_nlink, of.stx_rdev_major, of.stx_rdev_minor);
    };
    return size(a) == size(b);
}

bool same_xattrs(int a, int b) {
    return std::ranges::is_permutation(xattrs(a), xattrs(b));
}

base::Fd open_folder(int folder_fd, const std::string& name) {
    return base::checked(::openat(folder_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), name);
}

class Comparison {
public:
    Comparison(int snapshot, int volume, const DifferenceOptions& options)
        : options_(options), device_(device_of(status_of(volume, ""))) {
        enter(open_folder(snapshot, "."), open_folder(volume, "."), "");
    }

    TreeDifference run() {
        while (!levels_.empty()) {
            auto& level = levels_.back();
            if (level.folders.empty()) {
                levels_.pop_back();
                continue;
            }
            const auto name = std::move(level.folders.back());
            level.folders.pop_back();
            const auto path = level.path.empty() ? name : level.path + "/" + name;
            if (path.size() > longest_path) found_.reachable = false;
            if (!found_.reachable) break;
            enter(open_folder(level.snapshot.get(), name), open_folder(level.volume.get(), name), path);
        }
        settle_links();
        return std::move(found_);
    }

private:
    struct Level {
        base::Fd snapshot;
        base::Fd volume;
        std::string path;
        std::vector<std::string> folders; // that are still to be looked into
    };

    /// A file of the snapshot with several names. Either all of them stay or none does.
    struct Links {
        Inode in_volume;
        uint32_t unchanged = 0;
        uint32_t wanted = 0;
        bool apart = false;
        std::vector<std::pair<std::string, std::string>> names; // path of the folder, name
    };

    void enter(base::Fd snapshot, base::Fd volume, const std::string& path) {
        options_.cancel.check();
        Level level{std::move(snapshot), std::move(volume), path, {}};
        const auto wanted = sorted_names(level.snapshot.get(), path);
        const auto present = sorted_names(level.volume.get(), path);
        for (const auto& name : wanted) {
            if (is_left_alone(path, name)) continue;
            if (std::ranges::binary_search(present, name))
                compare(level, name);
            else
                put(path, name);
        }
        std::vector<std::string> gone;
        std::ranges::set_difference(present, wanted, std::back_inserter(gone));
        std::erase_if(gone, [&](const auto& name) { return is_left_alone(path, name); });
        if (!gone.empty()) {
            found_.changed += gone.size();
            found_.folders[path].drop = std::move(gone);
        }
        compare_attributes(level);
        levels_.push_back(std::move(level));
    }

    bool is_left_alone(const std::string& path, const std::string& name) const {
        return path.empty() && !options_.left_alone.empty() && name == options_.left_alone;
    }

    void put(const std::string& path, const std::string& name) {
        ++found_.changed;
        found_.folders[path].put.push_back(name);
    }

    void compare(Level& level, const std::string& name) {
        const auto wanted = status_of(level.snapshot.get(), name);
        const auto present = status_of(level.volume.get(), name);
        if (S_ISDIR(wanted.stx_mode) && S_ISDIR(present.stx_mode)) {
            // What is mounted in there is nobody's to restore.
            if (device_of(wanted) == device_ && device_of(present) == device_) level.folders.push_back(name);
            return;
        }
        const bool unchanged =
            same_look(wanted, present) && same_size(wanted, present) && was_copied_since(wanted, present);
        if (S_ISREG(wanted.stx_mode) && wanted.stx_nlink > 1) {
            note_link(wanted, present, unchanged, level.path, name);
            return;
        }
        if (unchanged)
            ++found_.same;
        else
            put(level.path, name);
    }

    bool was_copied_since(const struct statx& copy, const struct statx& original) const {
        const auto copied = count_of(copy.stx_btime);
        return (copy.stx_mask & STATX_BTIME) != 0 && copied > count_of(options_.trusted_since) &&
               count_of(original.stx_ctime) < copied;
    }

    void compare_attributes(const Level& level) {
        const auto wanted = status_of(level.snapshot.get(), "");
        const auto present = status_of(level.volume.get(), "");
        if (same_look(wanted, present) &&
            (was_copied_since(wanted, present) || same_xattrs(level.snapshot.get(), level.volume.get())))
            return;
        found_.folders[level.path];
    }

    void note_link(const struct statx& wanted, const struct statx& present, bool unchanged, const std::string& path,
                   const std::string& name) {
        auto& links = links_[inode_of(wanted)];
        if (links.names.empty()) links.in_volume = inode_of(present);
        links.apart = links.apart || links.in_volume != inode_of(present);
        links.unchanged += unchanged ? 1 : 0;
        links.wanted = wanted.stx_nlink;
        links.names.emplace_back(path, name);
    }

    void settle_links() {
        for (const auto& [inode, links] : links_) {
            if (!links.apart && links.unchanged == links.wanted) {
                found_.same += links.wanted;
                continue;
            }
            for (const auto& [path, name] : links.names) put(path, name);
        }
    }

    const DifferenceOptions& options_;
    std::pair<uint32_t, uint32_t> device_;
    std::vector<Level> levels_;
    std::map<Inode, Links> links_;
    TreeDifference found_;
};

} // namespace

TreeDifference tree_difference(int snapshot_fd, int volume_fd, const DifferenceOptions& options) {
    return Comparison(snapshot_fd, volume_fd, options).run();
}

} // namespace storage
