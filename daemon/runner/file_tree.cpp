#include "daemon/runner/file_tree.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/runner/paths.h"

namespace runner {

namespace {

[[noreturn]] void fail(int error, const std::string& what) {
    throw std::system_error(error, std::generic_category(), what);
}

void check(int result, const std::string& what) {
    if (result < 0) fail(errno, what);
}

struct stat status(const base::Fd& fd, const std::string& path) {
    struct stat info{};
    check(::fstat(fd.get(), &info), path);
    return info;
}

bool same(const struct stat& left, const struct stat& right) {
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

std::string link_target(const base::Fd& link, const std::string& path) {
    char target[PATH_MAX];
    const auto size = ::readlinkat(link.get(), "", target, sizeof target);
    check(static_cast<int>(size), path);
    return {target, static_cast<size_t>(size)};
}

/// What is at a path when links are followed; nothing where it does not exist.
std::optional<struct stat> followed(const base::Fd& root, const std::string& path) {
    try {
        return status(base::open_in_root(root.get(), path, O_PATH), path);
    } catch (const std::system_error& error) {
        if (error.code().value() == ENOENT) return std::nullopt;
        throw;
    }
}

void set_owner_and_mode(const base::Fd& fd, const FilesRequest& request, mode_t default_mode, const std::string& path) {
    const auto id = [](int64_t value) { return value < 0 ? 0U : static_cast<uint32_t>(value); };
    check(::fchown(fd.get(), id(request.uid), id(request.gid)), "chown " + path);
    const auto mode = request.mode < 0 ? default_mode : static_cast<mode_t>(request.mode) & 07777U;
    check(::fchmod(fd.get(), mode), "chmod " + path); // after chown, which clears the setuid bit
}

/// What the request asks to change of a file that was there before.
void modify_owner_and_mode(const base::Fd& fd, const FilesRequest& request, const std::string& path) {
    const auto wanted = [&](const char* what, int64_t value) {
        return value >= 0 && std::ranges::find(request.modify, what) != request.modify.end();
    };
    constexpr auto unchanged = UINT32_MAX;
    const auto uid = wanted("uid", request.uid) ? static_cast<uid_t>(request.uid) : unchanged;
    const auto gid = wanted("gid", request.gid) ? static_cast<gid_t>(request.gid) : unchanged;
    if (uid != unchanged || gid != unchanged) check(::fchown(fd.get(), uid, gid), "chown " + path);
    if (wanted("mode", request.mode))
        check(::fchmod(fd.get(), static_cast<mode_t>(request.mode) & 07777U), "chmod " + path);
}

/// False when the sender gave up.
bool copy(const FileTree::Source& source, const base::Fd& fd) {
    for (;;) {
        const auto piece = source();
        if (!piece) return false;
        if (piece->empty()) return true;
        base::write_all(fd.get(), *piece);
    }
}

} // namespace

base::Fd open_regular(const base::Fd& root, const std::string& path, int flags) {
    const auto seen = status(base::open_in_root(root.get(), path, O_PATH | (flags & O_NOFOLLOW)), path);
    if (S_ISDIR(seen.st_mode)) fail(EISDIR, path);
    if (!S_ISREG(seen.st_mode)) fail(EINVAL, path + " is not a regular file");
    auto fd = base::open_in_root(root.get(), path, flags | O_NONBLOCK | O_NOCTTY);
    if (!same(status(fd, path), seen)) fail(EINVAL, path + " was replaced");
    return fd;
}

FilesReply FileTree::stat(const std::string& raw) const {
    const auto path = absolute(raw);
    const auto fd = base::open_in_root(root_.get(), path, O_PATH | O_NOFOLLOW);
    const auto info = status(fd, path);
    FilesReply reply;
    reply.type = S_ISDIR(info.st_mode) ? "directory" : S_ISLNK(info.st_mode) ? "symlink" : "file";
    reply.uid = info.st_uid;
    reply.gid = info.st_gid;
    reply.mode = info.st_mode & 0777U;
    reply.size = info.st_size;
    reply.modified = info.st_mtim.tv_sec;
    if (reply.type == "symlink") reply.target = link_target(fd, path);
    return reply;
}

base::Fd FileTree::open_for_reading(const std::string& path) const {
    return open_regular(root_, absolute(path), O_RDONLY | O_NOFOLLOW);
}

std::vector<std::string> FileTree::names(const std::string& raw) const {
    const auto path = absolute(raw);
    auto fd = base::open_in_root(root_.get(), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd.get()), ::closedir);
    if (!folder) fail(errno, path);
    fd.release();
    std::vector<std::string> result;
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") result.emplace_back(name);
    }
    std::ranges::sort(result);
    return result;
}

void FileTree::put(const FilesRequest& request, const Source& source) const {
    const auto path = absolute(request.path);
    if (request.type == "directory") return put_folder(request, path);
    if (request.type == "symlink") return put_symlink(request, path, source);
    put_file(request, path, source);
}

void FileTree::put_file(const FilesRequest& request, const std::string& path, const Source& source) const {
    if (!followed(root_, path)) {
        if (request.append) fail(ENOENT, path);
        return put_new_file(request, path, source);
    }
    // An existing file keeps its owner and mode, but for what is asked by name.
    const auto fd = open_regular(root_, path, O_WRONLY | (request.append ? O_APPEND : 0));
    if (!request.append) check(::ftruncate(fd.get(), 0), "truncate " + path);
    if (!copy(source, fd)) fail(ECANCELED, path);
    modify_owner_and_mode(fd, request, path);
}

void FileTree::put_new_file(const FilesRequest& request, const std::string& path, const Source& source) const {
    const auto place = place_of(root_, path);
    base::Fd fd(
        ::openat(place.folder.get(), place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    // A link to nothing: what it points to is made, and stays if the sender gives up.
    const bool removable = static_cast<bool>(fd);
    if (!fd && errno == EEXIST) fd = base::open_in_root(root_.get(), path, O_WRONLY | O_CREAT | O_NONBLOCK, 0600);
    if (!fd) fail(errno, "create " + path);
    const auto info = status(fd, path);
    if (!S_ISREG(info.st_mode)) fail(EINVAL, path + " is not a regular file");
    const auto give_up = [&] {
        struct stat now{};
        if (removable && ::fstatat(place.folder.get(), place.name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 &&
            same(now, info))
            ::unlinkat(place.folder.get(), place.name.c_str(), 0);
    };
    try {
        set_owner_and_mode(fd, request, 0644, path);
        if (!copy(source, fd)) fail(ECANCELED, path);
    } catch (...) {
        give_up();
        throw;
    }
}

void FileTree::put_folder(const FilesRequest& request, const std::string& path) const {
    if (const auto there = followed(root_, path)) {
        if (!S_ISDIR(there->st_mode)) fail(EEXIST, "mkdir " + path);
        return;
    }
    const auto place = place_of(root_, path);
    check(::mkdirat(place.folder.get(), place.name.c_str(), 0700), "mkdir " + path);
    const auto fd = base::open_beneath(place.folder.get(), place.name, O_RDONLY | O_DIRECTORY);
    set_owner_and_mode(fd, request, 0750, path);
}

void FileTree::put_symlink(const FilesRequest& request, const std::string& path, const Source& source) const {
    std::string target;
    for (auto piece = source(); !piece || !piece->empty(); piece = source()) {
        if (!piece) fail(ECANCELED, path);
        target += *piece;
        if (target.size() >= PATH_MAX) fail(ENAMETOOLONG, "symlink " + path);
    }
    const auto place = place_of(root_, path);
    if (::symlinkat(target.c_str(), place.folder.get(), place.name.c_str()) < 0) {
        const int error = errno;
        const auto there = base::open_in_root(root_.get(), path, O_PATH | O_NOFOLLOW);
        if (S_ISLNK(status(there, path).st_mode) && link_target(there, path) == target) return;
        fail(error, "symlink " + path);
    }
    if (request.uid < 0 && request.gid < 0) return;
    const auto id = [](int64_t value) { return value < 0 ? 0U : static_cast<uint32_t>(value); };
    check(::fchownat(place.folder.get(), place.name.c_str(), id(request.uid), id(request.gid), AT_SYMLINK_NOFOLLOW),
          "chown " + path);
}

void FileTree::remove(const std::string& raw) const {
    const auto path = absolute(raw);
    const auto place = place_of(root_, path);
    if (::unlinkat(place.folder.get(), place.name.c_str(), 0) == 0) return;
    if (errno != EISDIR && errno != EPERM) fail(errno, "remove " + path);
    check(::unlinkat(place.folder.get(), place.name.c_str(), AT_REMOVEDIR), "remove " + path);
}

} // namespace runner
