#include "daemon/storage/shift.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/storage/listing.h"
#include "daemon/storage/shift_journal.h"
#include "schema/error.h"

namespace storage {

namespace {

constexpr size_t batch_size = 512; // files that are held open, and become durable at once
constexpr std::string_view capability = "security.capability";
constexpr std::string_view acls[] = {"system.posix_acl_access", "system.posix_acl_default"};

using InodeKey = std::pair<uint64_t, uint64_t>;

[[noreturn]] void fail(std::string_view attempt, const std::string& path) {
    throw std::system_error(errno, std::generic_category(), fmt::format("{} {}", attempt, path));
}

base::Fd open_root(const OwnedTree& tree) {
    return base::checked(::open(tree.root.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), tree.root);
}

/// Names a file that is open as a path only for the calls that take no such descriptor.
std::string proc_path(int fd) {
    return fmt::format("/proc/self/fd/{}", fd);
}

/// A file of the tree, as a path only. Nothing for what is mounted there.
base::Fd open_entry(int folder_fd, const char* name, const std::string& path) {
    open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
    for (;;) {
        base::Fd fd(static_cast<int>(::syscall(SYS_openat2, folder_fd, name, &how, sizeof how)));
        if (fd || errno == EXDEV) return fd;
        if (errno != EAGAIN) fail("Failed opening", path + name);
    }
}

/// A tree, folders before what is in them: visit(fd, stat, path) for each file once a name.
template <class Visit> void walk(base::Fd root, const Visit& visit) {
    struct Level {
        Listing listing;
        std::string path;
    };
    std::vector<Level> levels;
    const auto enter = [&](base::Fd fd, const std::string& path) {
        struct stat info{};
        if (::fstat(fd.get(), &info) < 0) fail("Failed looking at", path);
        Level level;
        if (S_ISDIR(info.st_mode)) level = {open_listing(fd.get(), path), path};
        visit(std::move(fd), info, path);
        if (level.listing) levels.push_back(std::move(level));
    };
    enter(std::move(root), "/");
    while (!levels.empty()) {
        auto& level = levels.back();
        const auto* const entry = next_entry(*level.listing, level.path);
        if (entry == nullptr) {
            levels.pop_back();
            continue;
        }
        const std::string name = entry->d_name;
        const auto within = level.path.ends_with('/') ? level.path : level.path + "/";
        if (auto fd = open_entry(::dirfd(level.listing.get()), name.c_str(), within))
            enter(std::move(fd), within + name);
    }
}

std::string xattr_value(const std::string& file, const char* name, const std::string& path) {
    std::string value(256, '\0');
    ssize_t size = 0;
    while ((size = ::getxattr(file.c_str(), name, value.data(), value.size())) < 0 && errno == ERANGE)
        value.resize(value.size() * 4);
    if (size < 0) fail("Failed reading attributes of", path);
    value.resize(static_cast<size_t>(size));
    return value;
}

bool tells_owners(std::string_view name) {
    return name == capability || name == acls[0] || name == acls[1];
}

std::vector<std::pair<std::string, std::string>> owner_xattrs(int fd, const std::string& path) {
    const auto file = proc_path(fd);
    std::string names(1024, '\0');
    ssize_t size = 0;
    while ((size = ::listxattr(file.c_str(), names.data(), names.size())) < 0 && errno == ERANGE)
        names.resize(names.size() * 4);
    if (size < 0 && errno != ENOTSUP) fail("Failed listing attributes of", path);
    std::vector<std::pair<std::string, std::string>> found;
    for (const char* name = names.data(); name < names.data() + size; name += std::string_view(name).size() + 1)
        if (tells_owners(name)) found.emplace_back(name, xattr_value(file, name, path));
    return found;
}

OwnersBefore owners_of(int fd, const struct stat& info, const std::string& path) {
    return {info.st_dev, info.st_ino, info.st_uid, info.st_gid, info.st_mode, owner_xattrs(fd, path)};
}

OwnersBefore moved(const OwnersBefore& before, const IdShift& shift) {
    auto after = before;
    after.uid = shift.moved(schema::IdKind::uid, before.uid);
    after.gid = shift.moved(schema::IdKind::gid, before.gid);
    for (auto& [name, value] : after.xattrs)
        value = name == capability ? shift.moved_capability(value) : shift.moved_acl(value);
    return after;
}

/// In this order: a change of owner clears setuid bits and capabilities.
void apply(int fd, const OwnersBefore& wanted, const std::string& path) {
    if (::fchownat(fd, "", wanted.uid, wanted.gid, AT_EMPTY_PATH) < 0) fail("Failed changing the owner of", path);
    const auto file = proc_path(fd);
    const bool clears = !S_ISLNK(wanted.mode) && (wanted.mode & (S_ISUID | S_ISGID)) != 0;
    if (clears && ::chmod(file.c_str(), wanted.mode & 07777) < 0) fail("Failed setting the mode of", path);
    for (const auto& [name, value] : wanted.xattrs)
        if (::setxattr(file.c_str(), name.c_str(), value.data(), value.size(), 0) < 0)
            fail("Failed setting attributes of", path);
}

class Shift {
public:
    Shift(const OwnedTree& tree, const IdShift& shift) : shift_(shift), journal_(tree.journal, shift) {}

    void visit(base::Fd fd, const struct stat& info, const std::string& path) {
        if (!S_ISDIR(info.st_mode) && info.st_nlink > 1 && !linked_.insert({info.st_dev, info.st_ino}).second) return;
        auto before = owners_of(fd.get(), info, path);
        try {
            auto after = moved(before, shift_);
            if (after == before) return;
            waiting_.push_back({std::move(fd), std::move(after), path});
            batch_.push_back(std::move(before));
        } catch (const schema::Error& error) {
            throw schema::failure("{}: {}", path, error.what());
        }
        if (batch_.size() == batch_size) flush();
    }
    void flush() {
        if (batch_.empty()) return;
        journal_.add(batch_);
        batch_.clear();
        for (const auto& change : waiting_) apply(change.fd.get(), change.after, change.path);
        waiting_.clear();
    }

private:
    struct Change {
        base::Fd fd;
        OwnersBefore after;
        std::string path;
    };
    const IdShift& shift_;
    ShiftJournal journal_;
    std::set<InodeKey> linked_; // that were met
    std::vector<OwnersBefore> batch_;
    std::vector<Change> waiting_;
};

void make_durable(const base::Fd& root, const std::string& folder) {
    const auto listing = open_listing(root.get(), folder);
    if (::syncfs(::dirfd(listing.get())) < 0) fail("Failed syncing", folder);
}

base::Fd duplicate(const base::Fd& fd) {
    return base::checked(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0), "duplicate");
}

} // namespace

void shift_owners(const OwnedTree& tree, const IdShift& shift, const base::CancelToken& cancel,
                  const std::function<void(uint64_t files)>& progress) {
    constexpr uint64_t report_each = 1000;
    if (has_shift_journal(tree)) undo_shift(tree);
    const auto root = open_root(tree);
    try {
        Shift changes(tree, shift);
        uint64_t files = 0;
        walk(duplicate(root), [&](base::Fd fd, const struct stat& info, const std::string& path) {
            cancel.check();
            changes.visit(std::move(fd), info, path);
            if (++files % report_each == 0 && progress) progress(files);
        });
        changes.flush();
        make_durable(root, tree.root);
    } catch (...) {
        if (has_shift_journal(tree)) undo_shift(tree);
        throw;
    }
}

void forget_shift(const OwnedTree& tree) {
    if (::unlink(tree.journal.c_str()) < 0 && errno != ENOENT) fail("Failed removing", tree.journal);
}

bool has_shift_journal(const OwnedTree& tree) {
    return base::exists(tree.journal);
}

schema::IdMap aim_of_shift(const OwnedTree& tree) {
    return read_journal(tree.journal).shift.to;
}

void undo_shift(const OwnedTree& tree) {
    const auto journal = read_journal(tree.journal);
    std::map<InodeKey, const OwnersBefore*> changed;
    for (const auto& file : journal.files) changed.emplace(InodeKey(file.device, file.inode), &file);
    const auto root = open_root(tree);
    walk(duplicate(root), [&](const base::Fd& fd, const struct stat& info, const std::string& path) {
        if (const auto found = changed.find({info.st_dev, info.st_ino}); found != changed.end())
            apply(fd.get(), *found->second, path);
    });
    make_durable(root, tree.root);
    forget_shift(tree);
}

} // namespace storage
