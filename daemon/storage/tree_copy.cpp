#include "daemon/storage/tree_copy.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <exception>
#include <fcntl.h>
#include <map>
#include <memory>
#include <mutex>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/storage/file_attributes.h"
#include "daemon/storage/file_content.h"
#include "daemon/storage/listing.h"

namespace storage {

namespace {

constexpr size_t files_worth_a_thread = 48; // waiting files that justify one more thread
constexpr size_t most_waiting = 192;        // each may keep two descriptors open
constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

[[noreturn]] void fail(const char* what, std::string_view name) {
    throw std::system_error(errno, std::generic_category(), std::string(what) + " " + std::string(name));
}

/// A folder on both sides. Its attributes are set when the last reference is gone: its files are then all in it.
struct Folder {
    base::Fd source;
    base::Fd target;
    std::string path;      // below the source, with a slash at the end
    std::string copy_path; // below the target, likewise
    struct stat wanted{};
    Xattrs attributes;
};
using FolderRef = std::shared_ptr<Folder>;

struct File {
    FolderRef folder;
    std::string name;
    struct stat wanted;
};

class TreeCopy {
public:
    TreeCopy(int source, int target, const TreeCopyOptions& options)
        : options_(options), content_(options.reflink, options.cancel), target_root_(target) {
        if (!options.alike.empty())
            alike_ = base::checked(::open(options.alike.c_str(), folder_flags), "open " + options.alike);
        if (::fstat(source, &source_root_) < 0 || ::fstat(target, &made_as_) < 0) fail("stat", "folder");
    }

    ~TreeCopy() { stop(); }

    void copy_all(int source, int target) {
        run([&] {
            if (options_.progress) total_ = count(source);
            enter(adopt(base::checked(::openat(source, ".", folder_flags), "open source"),
                        base::checked(::openat(target, ".", folder_flags), "open target"), "", "", source_root_));
            walk();
        });
    }

    void copy_parts(int source, const std::vector<TreePart>& parts) {
        run([&] {
            for (size_t number = 0; number < parts.size() && !failed(); ++number)
                copy_part(source, parts[number], std::to_string(number));
        });
    }

private:
    struct Frame {
        FolderRef folder;
        Listing listing;
    };

    template <class Begin> void run(const Begin& begin) {
        try {
            begin();
            while (copy_one_waiting()) {
            }
        } catch (...) {
            record_failure();
        }
        stop();
        if (failure_) std::rethrow_exception(failure_);
    }

    void copy_part(int source, const TreePart& part, const std::string& name) {
        if (::mkdirat(target_root_, name.c_str(), 0700) < 0) fail("make folder", name);
        auto folder = std::make_shared<Folder>();
        folder->source = base::open_beneath(source, part.folder.empty() ? "." : part.folder, folder_flags);
        folder->target = base::checked(::openat(target_root_, name.c_str(), folder_flags), "open " + name);
        folder->path = part.folder.empty() ? "" : part.folder + "/";
        folder->copy_path = name + "/";
        for (const auto& entry : part.names) {
            struct stat wanted{};
            if (::fstatat(folder->source.get(), entry.c_str(), &wanted, AT_SYMLINK_NOFOLLOW) < 0)
                fail("stat", folder->path + entry);
            copy_entry(folder, entry, wanted);
            walk();
        }
    }

    FolderRef adopt(base::Fd source, base::Fd target, std::string path, std::string copy_path,
                    const struct stat& wanted) {
        auto folder = std::make_unique<Folder>();
        folder->attributes = xattrs(source.get());
        folder->source = std::move(source);
        folder->target = std::move(target);
        folder->path = std::move(path);
        folder->copy_path = std::move(copy_path);
        folder->wanted = wanted;
        return {folder.release(), [this](Folder* raw) { finish(std::unique_ptr<Folder>(raw)); }};
    }

    void finish(const std::unique_ptr<Folder>& folder) {
        try {
            set_attributes(folder->target.get(), folder->wanted, made_as_, folder->attributes);
        } catch (...) {
            record_failure();
        }
    }

    void enter(FolderRef folder) {
        auto listing = open_listing(folder->source.get());
        frames_.push_back({std::move(folder), std::move(listing)});
    }

    void walk() {
        while (!frames_.empty() && !failed()) {
            options_.cancel.check();
            const auto* entry = next_entry(*frames_.back().listing);
            if (entry == nullptr) {
                frames_.pop_back();
                continue;
            }
            const auto folder = frames_.back().folder;
            struct stat wanted{};
            if (::fstatat(folder->source.get(), entry->d_name, &wanted, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno == ENOENT) continue; // removed meanwhile from a tree in use
                fail("stat", folder->path + entry->d_name);
            }
            copy_entry(folder, entry->d_name, wanted);
            report();
        }
    }

    void copy_entry(const FolderRef& folder, const std::string& name, const struct stat& wanted) {
        if (S_ISDIR(wanted.st_mode)) return copy_folder(folder, name, wanted);
        if (wanted.st_nlink > 1 && link_to_copy(*folder, name, wanted)) return;
        if (S_ISREG(wanted.st_mode) && wanted.st_nlink == 1) return submit({folder, name, wanted});
        if (S_ISREG(wanted.st_mode))
            copy_file({folder, name, wanted}); // here, so that the links to it find it
        else if (S_ISLNK(wanted.st_mode))
            copy_link(*folder, name, wanted);
        else
            copy_node(*folder, name, wanted);
    }

    void copy_folder(const FolderRef& parent, const std::string& name, const struct stat& wanted) {
        if (::mkdirat(parent->target.get(), name.c_str(), 0700) < 0) fail("make folder", parent->path + name);
        auto target = base::checked(::openat(parent->target.get(), name.c_str(), folder_flags), "open copied folder");
        auto source = base::checked(::openat(parent->source.get(), name.c_str(), folder_flags), "open folder " + name);
        auto folder = adopt(std::move(source), std::move(target), parent->path + name + "/",
                            parent->copy_path + name + "/", wanted);
        if (wanted.st_dev == source_root_.st_dev) enter(std::move(folder));
    }

    /// Whether a file with several names was copied already and is now linked to.
    bool link_to_copy(const Folder& folder, const std::string& name, const struct stat& wanted) {
        const auto [known, is_new] = copied_links_.try_emplace({wanted.st_dev, wanted.st_ino}, folder.copy_path + name);
        if (is_new) return false;
        // Every folder on this path was made by us in a tree that nobody else can reach yet.
        if (::linkat(target_root_, known->second.c_str(), folder.target.get(), name.c_str(), 0) < 0)
            fail("link", folder.path + name);
        return true;
    }

    void copy_link(const Folder& folder, const std::string& name, const struct stat& wanted) {
        std::string text(static_cast<size_t>(wanted.st_size) + 1, '\0');
        const auto length = ::readlinkat(folder.source.get(), name.c_str(), text.data(), text.size());
        if (length < 0) fail("read link", folder.path + name);
        text.resize(static_cast<size_t>(length));
        if (::symlinkat(text.c_str(), folder.target.get(), name.c_str()) < 0) fail("make link", folder.path + name);
        copy_attributes(folder, name, wanted);
    }

    void copy_node(const Folder& folder, const std::string& name, const struct stat& wanted) {
        if (::mknodat(folder.target.get(), name.c_str(), (wanted.st_mode & S_IFMT) | 0600, wanted.st_rdev) < 0)
            fail("make node", folder.path + name);
        copy_attributes(folder, name, wanted);
    }

    void copy_attributes(const Folder& folder, const std::string& name, const struct stat& wanted) {
        set_attributes({folder.target.get(), name.c_str()}, wanted, made_as_,
                       xattrs({folder.source.get(), name.c_str()}));
    }

    void copy_file(const File& file) {
        const auto& folder = *file.folder;
        const base::Fd source(::openat(folder.source.get(), file.name.c_str(),
                                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        if (!source) fail("open", folder.path + file.name);
        struct stat now{};
        if (::fstat(source.get(), &now) < 0) fail("stat", folder.path + file.name);
        if (!S_ISREG(now.st_mode))
            throw std::system_error(EIO, std::generic_category(), folder.path + file.name + " changed meanwhile");
        const base::Fd target(::openat(folder.target.get(), file.name.c_str(),
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, now.st_mode & 0777));
        if (!target) fail("create", folder.path + file.name);
        if (!share(folder, file.name, source.get(), now, target.get())) content_.copy(source.get(), now, target.get());
        set_new_attributes(target.get(), now, xattrs(source.get()));
    }

    bool share(const Folder& folder, const std::string& name, int source, const struct stat& now, int target) {
        if (!alike_ || now.st_size == 0) return false;
        base::Fd place;
        try {
            place = base::open_beneath(alike_.get(), folder.path + name, O_PATH | O_NOFOLLOW);
        } catch (const std::system_error&) { // such as none
            return false;
        }
        struct stat there{};
        if (::fstat(place.get(), &there) < 0 || !S_ISREG(there.st_mode) || there.st_size != now.st_size) return false;
        const auto path = "/proc/self/fd/" + std::to_string(place.get());
        const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        return file && content_.share(source, now.st_size, file.get(), target);
    }

    void submit(File file) {
        bool start_thread = false;
        bool crowded = false;
        {
            const std::scoped_lock lock(mutex_);
            waiting_.push_back(std::move(file));
            crowded = waiting_.size() > most_waiting;
            start_thread = waiting_.size() > files_worth_a_thread && threads_.size() + 1 < options_.threads;
        }
        changed_.notify_one();
        if (start_thread) threads_.emplace_back([this] { work(); });
        if (crowded) copy_one_waiting();
    }

    bool copy_one_waiting() {
        File file;
        {
            const std::scoped_lock lock(mutex_);
            if (waiting_.empty() || failure_) return false;
            file = std::move(waiting_.front());
            waiting_.pop_front();
        }
        options_.cancel.check();
        copy_file(file);
        return true;
    }

    void work() {
        for (;;) {
            {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, [this] { return !waiting_.empty() || ending_ || failure_; });
                if (waiting_.empty() || failure_) return;
            }
            try {
                copy_one_waiting();
            } catch (...) {
                record_failure();
            }
        }
    }

    void stop() {
        {
            const std::scoped_lock lock(mutex_);
            ending_ = true;
        }
        changed_.notify_all();
        for (auto& thread : threads_) thread.join();
        threads_.clear();
        // The references in here set attributes of folders as they go, which needs the lock: so not under it.
        frames_.clear();
        std::exchange(waiting_, {}).clear();
    }

    bool failed() {
        const std::scoped_lock lock(mutex_);
        return failure_ != nullptr;
    }

    void record_failure() {
        const std::scoped_lock lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        changed_.notify_all();
    }

    /// The number of files below a folder.
    uint64_t count(int folder_fd) const {
        uint64_t files = 0;
        std::vector<Listing> open;
        open.push_back(open_listing(folder_fd));
        while (!open.empty()) {
            options_.cancel.check();
            const auto* entry = next_entry(*open.back());
            if (entry == nullptr) {
                open.pop_back();
                continue;
            }
            ++files;
            if (entry->d_type != DT_DIR) continue;
            const int above = ::dirfd(open.back().get());
            const base::Fd fd(above < 0 ? -1 : ::openat(above, entry->d_name, folder_flags));
            if (fd) open.push_back(open_listing(fd.get()));
        }
        return files;
    }

    void report() {
        if (!options_.progress || total_ == 0) return;
        const auto percent = static_cast<int>(std::min<uint64_t>(99, ++done_ * 100 / total_));
        if (percent == reported_) return;
        reported_ = percent;
        options_.progress(percent);
    }

    const TreeCopyOptions& options_;
    ContentCopier content_;
    int target_root_;
    base::Fd alike_;
    struct stat source_root_{};
    struct stat made_as_{}; // owner that new files get here, also below a setgid folder
    std::vector<Frame> frames_;
    std::map<std::pair<dev_t, ino_t>, std::string> copied_links_;
    uint64_t total_ = 0;
    uint64_t done_ = 0;
    int reported_ = -1;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<File> waiting_;
    std::vector<std::thread> threads_;
    std::exception_ptr failure_;
    bool ending_ = false;
};

/// In a thread of its own, and those that it starts, whose umask is nobody else's business: files are made with the
/// modes that are asked for, which spares a change of each. Where it cannot be had they are changed.
template <class Work> void apart(const Work& work) {
    std::exception_ptr failure;
    std::thread([&] {
        if (::unshare(CLONE_FS) == 0) ::umask(0);
        try {
            work();
        } catch (...) {
            failure = std::current_exception();
        }
    }).join();
    if (failure) std::rethrow_exception(failure);
}

} // namespace

unsigned copying_threads() {
    // One more than a few processors: the filesystem's locks keep one of them waiting.
    return std::clamp(std::thread::hardware_concurrency() + 1, 2U, 4U);
}

void copy_tree(int source_fd, int target_fd, const TreeCopyOptions& options) {
    TreeCopy copy(source_fd, target_fd, options);
    apart([&] { copy.copy_all(source_fd, target_fd); });
}

void copy_parts(int source_fd, const std::vector<TreePart>& parts, int target_fd, const TreeCopyOptions& options) {
    TreeCopy copy(source_fd, target_fd, options);
    apart([&] { copy.copy_parts(source_fd, parts); });
}

} // namespace storage
