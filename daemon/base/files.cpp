#include "daemon/base/files.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/durable.h"

namespace base {

namespace {

[[noreturn]] void fail(std::string_view attempt, const std::string& path) {
    throw std::system_error(errno, std::generic_category(), fmt::format("{} \"{}\"", attempt, path));
}

int open_resolved(int root_fd, const std::string& path, int flags, mode_t mode, uint64_t resolve) {
    open_how how{};
    how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
    how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
    how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
    // The kernel answers EAGAIN when something was renamed on the way and it cannot prove that `..` stayed inside.
    for (int attempt = 0; attempt < 100; ++attempt) {
        const auto fd = ::syscall(SYS_openat2, root_fd, path.c_str(), &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN) return static_cast<int>(fd);
    }
    return -1;
}

/// Unlikely to be taken; not a secret, so the small programs that use this file need no OpenSSL.
std::string fresh_suffix() {
    uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) < 0) number = static_cast<uint64_t>(::getpid());
    return fmt::format("{:016x}", number);
}

struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

/// Removes what is in a folder, and holds at most `deepest` folders open: deeper ones are first moved up beside the
/// outermost, because a container can build a tree deeper than we have descriptors.
class TreeRemoval {
public:
    TreeRemoval(int top, std::string path) : top_(top), path_(std::move(path)) {}

    void empty(Fd folder, int depth) {
        const Dir dir(::fdopendir(folder.get()));
        if (!dir) fail("Failed reading", path_);
        const int fd = folder.release();
        do {
            if (depth == 0) moved_up_ = false;
            ::rewinddir(dir.get());
            while (const auto* entry = ::readdir(dir.get())) {
                const std::string_view name = entry->d_name;
                if (name != "." && name != "..") remove(fd, entry->d_name, depth);
            }
        } while (depth == 0 && moved_up_);
    }

private:
    static constexpr int deepest = 64;

    void remove(int parent, const char* name, int depth) {
        if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) return;
        if (errno != EISDIR && errno != EPERM) fail("Failed removing", path_ + "/…/" + name);
        if (::unlinkat(parent, name, AT_REMOVEDIR) == 0) return;
        if (errno != ENOTEMPTY && errno != EEXIST) fail("Failed removing", path_ + "/…/" + name);
        if (depth >= deepest) return move_up(parent, name);
        Fd folder(open_resolved(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                                RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
        if (!folder) fail("Failed opening for removal", path_ + "/…/" + name);
        empty(std::move(folder), depth + 1);
        if (::unlinkat(parent, name, AT_REMOVEDIR) < 0) fail("Failed removing", path_ + "/…/" + name);
    }

    void move_up(int parent, const char* name) {
        const auto fresh = ".removed-" + fresh_suffix();
        if (::renameat(parent, name, top_, fresh.c_str()) < 0) fail("Failed moving for removal", path_);
        moved_up_ = true;
    }

    int top_;
    std::string path_;
    bool moved_up_ = false;
};

} // namespace

std::string read_file(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) fail("Failed reading", path);
    try {
        return read_to_end(fd.get());
    } catch (const std::system_error& error) {
        throw std::system_error(error.code(), fmt::format("Failed reading \"{}\"", path));
    }
}

std::optional<std::string> read_file_if_exists(const std::string& path) {
    try {
        return read_file(path);
    } catch (const std::system_error& error) {
        if (error.code() == std::errc::no_such_file_or_directory) return std::nullopt;
        throw;
    }
}

void write_file(const std::string& path, std::string_view content, mode_t mode) {
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd) fail("Failed writing", path);
    try {
        write_all(fd.get(), content);
    } catch (const std::system_error& error) {
        throw std::system_error(error.code(), fmt::format("Failed writing \"{}\"", path));
    }
}

void replace_file(const std::string& path, std::string_view content, mode_t mode) {
    const auto fresh = path + ".new-" + fresh_suffix();
    try {
        const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
        if (!fd) fail("Failed writing", fresh);
        write_all(fd.get(), content);
        if (::fchmod(fd.get(), mode) < 0 || ::fsync(fd.get()) < 0) fail("Failed writing", fresh);
        rename_durably(fresh, path);
    } catch (...) {
        ::unlink(fresh.c_str());
        throw;
    }
}

bool exists(const std::string& path) {
    return ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void make_dir(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) < 0) {
        if (errno == EEXIST) return;
        fail("Failed making the folder", path);
    }
    if (::chmod(path.c_str(), mode) < 0) fail("Failed setting the mode of", path); // whatever the umask is
}

void remove_tree(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return;
    if (errno != EISDIR && errno != EPERM) fail("Failed removing", path);
    if (::rmdir(path.c_str()) == 0) return;
    if (errno != ENOTEMPTY && errno != EEXIST) fail("Failed removing", path);
    Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) fail("Failed opening for removal", path);
    const int top = folder.get();
    TreeRemoval(top, path).empty(std::move(folder), 0);
    if (::rmdir(path.c_str()) < 0) fail("Failed removing", path);
}

Fd open_in_root(int root_fd, const std::string& path, int flags, mode_t mode) {
    Fd fd(open_resolved(root_fd, path.empty() ? "." : path, flags, mode, RESOLVE_IN_ROOT));
    if (!fd) fail("Failed opening", path);
    return fd;
}

Fd open_beneath(int root_fd, const std::string& path, int flags, mode_t mode) {
    const auto start = path.find_first_not_of('/');
    const auto relative = start == std::string::npos ? std::string(".") : path.substr(start);
    Fd fd(open_resolved(root_fd, relative, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
    if (!fd) fail("Failed opening", path);
    return fd;
}

std::string_view trimmed(std::string_view text) noexcept {
    const auto end = text.find_last_not_of(" \t\r\n");
    return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

} // namespace base
