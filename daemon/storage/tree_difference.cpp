#include "daemon/storage/tree_difference.h"

#include <algorithm>
#include <atomic>
#include <climits>
#include <condition_variable>
#include <exception>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <utility>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/storage/file_attributes.h"
#include "daemon/storage/listing.h"

namespace storage {

namespace {

constexpr size_t longest_path = PATH_MAX / 2;

using Inode = std::pair<dev_t, ino_t>;

Inode inode_of(const struct stat& status) {
    return {status.st_dev, status.st_ino};
}

struct stat status_of(const base::Fd& file, const std::string& shown) {
    struct stat status{};
    if (::fstat(file.get(), &status) < 0) base::fail("Failed looking at " + shown);
    return status;
}

struct stat status_in(const base::Fd& folder, const std::string& name) {
    struct stat status{};
    if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
        base::fail("Failed looking at " + name);
    return status;
}

/// What is mounted somewhere is nobody's to compare or change, also where it is of the same filesystem.
uint64_t mount_of(const base::Fd& folder) {
    struct statx status{};
    if (::statx(folder.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &status) < 0) base::fail("Failed looking at a mount");
    return status.stx_mnt_id;
}

bool same_look(const struct stat& a, const struct stat& b) {
    const auto look = [](const struct stat& of) {
        return std::tuple(of.st_mode, of.st_uid, of.st_gid, of.st_mtim.tv_sec, of.st_mtim.tv_nsec);
    };
    return look(a) == look(b);
}

/// Of what is no folder.
bool same_size(const struct stat& a, const struct stat& b) {
    return std::tuple(a.st_size, a.st_nlink, a.st_rdev) == std::tuple(b.st_size, b.st_nlink, b.st_rdev);
}

bool same_xattrs(const Xattrs& a, const Xattrs& b) {
    return std::ranges::is_permutation(a, b);
}

std::string link_text(const base::Fd& folder, const std::string& name, const struct stat& status) {
    std::string text(static_cast<size_t>(status.st_size) + 1, '\0');
    const auto length = ::readlinkat(folder.get(), name.c_str(), text.data(), text.size());
    if (length < 0) base::fail("Failed reading the link " + name);
    text.resize(static_cast<size_t>(length));
    return text;
}

base::Fd open_in(int folder_fd, const std::string& name, int flags) {
    return base::checked(::openat(folder_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags), name);
}

struct Entry {
    std::string name;
    unsigned char type; // as in dirent
};

std::vector<Entry> entries_of(const base::Fd& folder) {
    const auto listing = open_listing(folder.get());
    std::vector<Entry> entries;
    while (const auto* entry = next_entry(*listing)) entries.push_back({entry->d_name, entry->d_type});
    std::ranges::sort(entries, {}, &Entry::name);
    return entries;
}

/// A folder that is on both sides.
struct Pair {
    base::Fd snapshot;
    base::Fd volume;
    std::string path;
};
using PairRef = std::shared_ptr<const Pair>;

class Comparison {
public:
    Comparison(int snapshot, int volume, const DifferenceOptions& options) : options_(options) {
        Pair roots{open_in(snapshot, ".", O_DIRECTORY), open_in(volume, ".", O_DIRECTORY), ""};
        mounts_ = {mount_of(roots.snapshot), mount_of(roots.volume)};
        device_ = status_of(roots.volume, "the volume").st_dev;
        found_.reachable = status_of(roots.snapshot, "the snapshot").st_dev == device_;
        waiting_.push_back({std::make_shared<const Pair>(std::move(roots)), ""});
    }

    TreeDifference run() {
        std::vector<std::thread> others;
        try {
            for (unsigned number = 1; number < options_.threads; ++number) others.emplace_back([this] { work(); });
        } catch (const std::system_error&) { // then with fewer
        }
        work();
        for (auto& other : others) other.join();
        if (failure_) std::rethrow_exception(failure_);
        settle_links();
        return std::move(found_);
    }

private:
    /// A folder that is still to be looked into; the roots have no name.
    struct Waiting {
        PairRef parent;
        std::string name;
    };

    /// A file of the snapshot with several names. Either all of them stay or none does.
    struct Links {
        Inode in_volume;
        nlink_t unchanged = 0;
        nlink_t wanted = 0;
        bool apart = false;
        std::vector<std::pair<std::string, std::string>> names; // path of the folder, name
    };

    /// What one folder adds.
    struct Found {
        FolderDifference difference;
        bool differs = false; // in its attributes
        size_t same = 0;
        std::vector<std::string> folders;
    };

    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return !waiting_.empty() || busy_ == 0 || is_over(); });
            if (waiting_.empty() || is_over()) break;
            const auto next = std::move(waiting_.back()); // depth first, which keeps few folders open
            waiting_.pop_back();
            ++busy_;
            lock.unlock();
            try {
                options_.cancel.check();
                look_into(next);
                lock.lock();
            } catch (...) {
                lock.lock();
                if (!failure_) failure_ = std::current_exception();
            }
            --busy_;
            changed_.notify_all();
        }
        changed_.notify_all();
    }

    bool is_over() const { return failure_ != nullptr || !found_.reachable; }

    void look_into(const Waiting& next) {
        const auto pair = opened(next);
        Found found;
        if (pair) compare_folder(*pair, found);
        const std::scoped_lock lock(mutex_);
        if (!pair || !reachable_) {
            found_.reachable = false;
            return;
        }
        found_.same += found.same;
        found_.changed += found.difference.put.size() + found.difference.drop.size();
        if (found.differs || !found.difference.put.empty() || !found.difference.drop.empty())
            found_.folders[pair->path] = std::move(found.difference);
        for (auto& name : found.folders) waiting_.push_back({pair, std::move(name)});
    }

    PairRef opened(const Waiting& next) const {
        if (next.name.empty()) return next.parent;
        const auto& above = *next.parent;
        auto path = above.path.empty() ? next.name : above.path + "/" + next.name;
        if (path.size() > longest_path) return {};
        auto pair = std::make_shared<Pair>(Pair{open_in(above.snapshot.get(), next.name, O_DIRECTORY),
                                                open_in(above.volume.get(), next.name, O_DIRECTORY), std::move(path)});
        if (std::pair(mount_of(pair->snapshot), mount_of(pair->volume)) != mounts_) return {};
        return pair;
    }

    void compare_folder(const Pair& pair, Found& found) {
        const auto wanted = entries_of(pair.snapshot);
        const auto present = entries_of(pair.volume);
        auto other = present.begin();
        for (const auto& entry : wanted) {
            for (; other != present.end() && other->name < entry.name; ++other)
                found.difference.drop.push_back(other->name);
            const bool both = other != present.end() && other->name == entry.name;
            if (!both || !is_same(pair, entry, *other, found)) found.difference.put.push_back(entry.name);
            if (both) ++other;
        }
        for (; other != present.end(); ++other) found.difference.drop.push_back(other->name);
        found.differs = !same_look(status_of(pair.snapshot, pair.path), status_of(pair.volume, pair.path)) ||
                        !same_xattrs(xattrs(pair.snapshot.get()), xattrs(pair.volume.get()));
    }

    /// Or it is compared later. Where the types are unknown it differs: no filesystem of today leaves them out.
    bool is_same(const Pair& pair, const Entry& wanted, const Entry& present, Found& found) {
        if (wanted.type != present.type || wanted.type == DT_UNKNOWN) return false;
        if (wanted.type == DT_DIR) {
            found.folders.push_back(wanted.name);
            return true;
        }
        if (wanted.type == DT_REG) return is_same_file(pair, wanted.name, found);
        return is_same_other(pair, wanted, found);
    }

    bool is_same_file(const Pair& pair, const std::string& name, Found& found) {
        const auto snapshot = open_in(pair.snapshot.get(), name, O_NONBLOCK | O_NOCTTY);
        const auto volume = open_in(pair.volume.get(), name, O_NONBLOCK | O_NOCTTY);
        const auto wanted = status_of(snapshot, name);
        const auto present = status_of(volume, name);
        if (present.st_dev != device_) reachable_ = false;
        const bool same = same_look(wanted, present) && same_size(wanted, present) &&
                          (wanted.st_size == 0 || options_.same_content(snapshot.get(), volume.get())) &&
                          same_xattrs(xattrs(snapshot.get()), xattrs(volume.get()));
        return settle(pair, name, wanted, present, same, found);
    }

    bool is_same_other(const Pair& pair, const Entry& entry, Found& found) {
        const auto wanted = status_in(pair.snapshot, entry.name);
        const auto present = status_in(pair.volume, entry.name);
        const bool same = same_look(wanted, present) && same_size(wanted, present) &&
                          (entry.type != DT_LNK || link_text(pair.snapshot, entry.name, wanted) ==
                                                       link_text(pair.volume, entry.name, present)) &&
                          same_xattrs(xattrs({pair.snapshot.get(), entry.name.c_str()}),
                                      xattrs({pair.volume.get(), entry.name.c_str()}));
        return settle(pair, entry.name, wanted, present, same, found);
    }

    /// False where it is to be put. What has several names is judged when all of them are known.
    bool settle(const Pair& pair, const std::string& name, const struct stat& wanted, const struct stat& present,
                bool same, Found& found) {
        if (wanted.st_nlink > 1) {
            note_link(wanted, present, same, pair.path, name);
            return true;
        }
        found.same += same ? 1 : 0;
        return same;
    }

    void note_link(const struct stat& wanted, const struct stat& present, bool unchanged, const std::string& path,
                   const std::string& name) {
        const std::scoped_lock lock(mutex_);
        auto& links = links_[inode_of(wanted)];
        if (links.names.empty()) links.in_volume = inode_of(present);
        links.apart = links.apart || links.in_volume != inode_of(present);
        links.unchanged += unchanged ? 1 : 0;
        links.wanted = wanted.st_nlink;
        links.names.emplace_back(path, name);
    }

    void settle_links() {
        for (const auto& [inode, links] : links_) {
            if (!links.apart && links.unchanged == links.wanted) {
                found_.same += links.wanted;
                continue;
            }
            found_.changed += links.names.size();
            for (const auto& [path, name] : links.names) found_.folders[path].put.push_back(name);
        }
    }

    const DifferenceOptions& options_;
    dev_t device_ = 0;                     // of both: blocks of two have the same numbers
    std::pair<uint64_t, uint64_t> mounts_; // of the snapshot and of the volume
    std::atomic<bool> reachable_ = true;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Waiting> waiting_;
    unsigned busy_ = 0;
    std::map<Inode, Links> links_;
    TreeDifference found_;
    std::exception_ptr failure_;
};

} // namespace

TreeDifference tree_difference(int snapshot_fd, int volume_fd, const DifferenceOptions& options) {
    return Comparison(snapshot_fd, volume_fd, options).run();
}

} // namespace storage
