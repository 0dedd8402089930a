#include "daemon/runner/sftp_server.h"

#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/runner/file_tree.h"
#include "daemon/runner/paths.h"
#include "schema/limits.h"

namespace runner::sftp {

namespace {

constexpr size_t handle_limit = schema::limits::sftp_handles.value;
constexpr size_t names_per_answer = 128;
constexpr uint32_t mode_bits = 07777;
constexpr mode_t new_file = 0644;
constexpr mode_t new_folder = 0755;

[[noreturn]] void fail(int error, const std::string& what) {
    throw std::system_error(error, std::generic_category(), what);
}

void check(int result, const std::string& what) {
    if (result < 0) fail(errno, what);
}

Status status_of(int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EBADF:
        return Status::no_such_file;
    case EPERM:
    case EACCES:
        return Status::permission_denied;
    case ENOSYS:
    case EOPNOTSUPP:
        return Status::unsupported;
    default:
        return Status::failure;
    }
}

bool has(const Attributes& attributes, Attributes::Flag flag) {
    return (attributes.flags & flag) != 0;
}

Attributes attributes_of(const struct stat& info) {
    Attributes attributes;
    attributes.flags = Attributes::has_size | Attributes::has_owner | Attributes::has_mode | Attributes::has_times;
    attributes.size = static_cast<uint64_t>(info.st_size);
    attributes.uid = info.st_uid;
    attributes.gid = info.st_gid;
    attributes.mode = info.st_mode;
    attributes.accessed = static_cast<uint32_t>(info.st_atim.tv_sec);
    attributes.modified = static_cast<uint32_t>(info.st_mtim.tv_sec);
    return attributes;
}

struct stat status(int fd, const std::string& path) {
    struct stat info{};
    check(::fstat(fd, &info), path);
    return info;
}

/// 0, which is no way to open, becomes reading.
int access_of(uint32_t flags) {
    const bool writes = (flags & (open_write | open_append)) != 0;
    if (!writes) return O_RDONLY;
    return (flags & open_read) != 0 ? O_RDWR : O_WRONLY;
}

void set_times(int fd, const Attributes& attributes, const std::string& path) {
    const timespec times[2] = {{static_cast<time_t>(attributes.accessed), 0},
                               {static_cast<time_t>(attributes.modified), 0}};
    check(::utimensat(fd, "", times, AT_EMPTY_PATH), "utimes " + path);
}

/// There is no chmod for a descriptor that stands for a path alone but in kernels from 6.6 on; what can be opened is
/// opened, in a way that neither blocks nor does anything. /proc cannot be asked: it is the container's.
void set_mode(const base::Fd& root, const base::Fd& place, const struct stat& seen, const std::string& path,
              uint32_t mode) {
    constexpr long fchmodat2 = 452;
    mode &= mode_bits;
    if (::syscall(fchmodat2, place.get(), "", mode, AT_EMPTY_PATH) == 0) return;
    if (errno != ENOSYS && errno != EINVAL && errno != EPERM) fail(errno, "chmod " + path);
    if (!S_ISREG(seen.st_mode) && !S_ISDIR(seen.st_mode)) fail(EOPNOTSUPP, "chmod " + path);
    const auto fd = base::open_in_root(root.get(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    const auto now = status(fd.get(), path);
    if (now.st_dev != seen.st_dev || now.st_ino != seen.st_ino) fail(EINVAL, path + " was replaced");
    check(::fchmod(fd.get(), mode), "chmod " + path);
}

} // namespace

std::string clean_path(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const auto part = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(path.size(), part.size() + 1));
        if (part == ".." && !parts.empty()) parts.pop_back();
        if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    }
    std::string clean;
    for (const auto part : parts) clean.append("/").append(part);
    return clean.empty() ? "/" : clean;
}

std::string Server::answer(std::string_view packet) {
    const auto id = id_of(packet);
    try {
        return obey(decode(packet));
    } catch (const BadPacket& error) {
        return status_packet(id, Status::bad_message, error.what());
    } catch (const std::system_error& error) {
        return status_packet(id, status_of(error.code().value()), error.code().message());
    }
}

std::string Server::obey(const Request& request) {
    switch (request.type) {
    case Type::init:
        return version_packet();
    case Type::open:
        return open(request);
    case Type::opendir:
        return open_folder(request);
    case Type::read:
        return read(request);
    case Type::readdir:
        return read_folder(request);
    case Type::lstat:
        return stat(request, O_NOFOLLOW);
    case Type::stat:
        return stat(request, 0);
    case Type::fstat:
        return attributes_packet(request.id, attributes_of(status(file(request.handle), "fstat")));
    case Type::realpath:
        return names_packet(request.id, {{clean_path(request.path), clean_path(request.path), {}}});
    case Type::readlink:
        return read_link(request);
    case Type::statvfs:
        return file_system(request.id, base::open_in_root(root_.get(), absolute(request.path), O_PATH).get());
    case Type::fstatvfs:
        return file_system(request.id, file(request.handle));
    case Type::limits:
        return numbers_packet(request.id, {packet_limit, data_limit, data_limit, handle_limit});
    case Type::close:
        if (open_.erase(request.handle) == 0) fail(EBADF, "close");
        break;
    case Type::write:
        write(request);
        break;
    case Type::setstat:
        change(request, 0);
        break;
    case Type::lsetstat:
        change(request, O_NOFOLLOW);
        break;
    case Type::fsetstat:
        change(request, 0);
        break;
    case Type::remove:
        remove(request, 0);
        break;
    case Type::rmdir:
        remove(request, AT_REMOVEDIR);
        break;
    case Type::mkdir:
        make_folder(request);
        break;
    case Type::symlink:
        make_symlink(request);
        break;
    case Type::rename:
        rename(request, false);
        break;
    case Type::posix_rename:
        rename(request, true);
        break;
    case Type::hardlink:
        link(request);
        break;
    case Type::fsync:
        check(::fsync(file(request.handle)), "fsync");
        break;
    default:
        return status_packet(request.id, Status::unsupported, "Operation unsupported");
    }
    return status_packet(request.id, Status::ok, "Success");
}

std::string Server::keep(Open open, uint32_t id) {
    const auto handle = std::to_string(next_handle_++);
    open_.emplace(handle, std::move(open));
    return handle_packet(id, handle);
}

const Server::Open& Server::find(const std::string& handle) const {
    const auto found = open_.find(handle);
    if (found == open_.end()) fail(EBADF, "handle");
    return found->second;
}

/// A folder's descriptor for a folder.
int Server::file(const std::string& handle) const {
    const auto& open = find(handle);
    const int fd = open.folder ? ::dirfd(open.folder.get()) : open.file.get();
    if (fd < 0) fail(EBADF, "handle");
    return fd;
}

std::string Server::open(const Request& request) {
    if (open_.size() >= handle_limit) fail(EMFILE, "open");
    const auto path = absolute(request.path);
    const int flags = access_of(request.flags) | ((request.flags & open_append) != 0 ? O_APPEND : 0);
    base::Fd fd;
    if ((request.flags & open_create) != 0) {
        const auto mode =
            has(request.attributes, Attributes::has_mode) ? request.attributes.mode & mode_bits : new_file;
        const auto place = place_of(root_, path);
        fd.reset(
            ::openat(place.folder.get(), place.name.c_str(), flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
        if (!fd && (errno != EEXIST || (request.flags & open_exclusive) != 0)) fail(errno, path);
    }
    if (!fd) {
        fd = open_regular(root_, path, flags);
        if ((request.flags & open_truncate) != 0) check(::ftruncate(fd.get(), 0), path);
    }
    return keep({std::move(fd), nullptr}, request.id);
}

std::string Server::open_folder(const Request& request) {
    if (open_.size() >= handle_limit) fail(EMFILE, "opendir");
    auto fd = base::open_in_root(root_.get(), absolute(request.path), O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    std::unique_ptr<DIR, CloseFolder> folder(::fdopendir(fd.get()));
    if (!folder) fail(errno, request.path);
    fd.release();
    return keep({{}, std::move(folder)}, request.id);
}

std::string Server::read_folder(const Request& request) {
    const auto& folder = find(request.handle).folder;
    if (!folder) fail(EBADF, "readdir");
    const int fd = file(request.handle);
    std::vector<Name> names;
    while (names.size() < names_per_answer) {
        const dirent* entry = ::readdir(folder.get()); // NOLINT(concurrency-mt-unsafe): one thread
        if (entry == nullptr) break;
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        struct stat info{};
        if (::fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) continue; // gone meanwhile
        const auto attributes = attributes_of(info);
        names.push_back({name, long_name(name, attributes, info.st_nlink), attributes});
    }
    if (names.empty()) return status_packet(request.id, Status::end_of_file, "End of file");
    return names_packet(request.id, names);
}

std::string Server::read(const Request& request) const {
    std::string data(std::min(request.length, data_limit), '\0');
    if (request.offset > INT64_MAX) fail(EINVAL, "read");
    const auto count = ::pread(file(request.handle), data.data(), data.size(), static_cast<off_t>(request.offset));
    if (count < 0) fail(errno, "read");
    if (count == 0 && !data.empty()) return status_packet(request.id, Status::end_of_file, "End of file");
    return data_packet(request.id, std::string_view(data).substr(0, static_cast<size_t>(count)));
}

void Server::write(const Request& request) const {
    auto data = request.data;
    auto offset = request.offset;
    const int fd = file(request.handle);
    while (!data.empty()) {
        if (offset > INT64_MAX) fail(EFBIG, "write");
        const auto count = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail(errno, "write");
        data.remove_prefix(static_cast<size_t>(count));
        offset += static_cast<uint64_t>(count);
    }
}

std::string Server::stat(const Request& request, int flags) const {
    const auto path = absolute(request.path);
    const auto fd = base::open_in_root(root_.get(), path, O_PATH | flags);
    return attributes_packet(request.id, attributes_of(status(fd.get(), path)));
}

std::string Server::read_link(const Request& request) const {
    const auto path = absolute(request.path);
    const auto fd = base::open_in_root(root_.get(), path, O_PATH | O_NOFOLLOW);
    char target[PATH_MAX];
    const auto size = ::readlinkat(fd.get(), "", target, sizeof target);
    check(static_cast<int>(size), path);
    const std::string text(target, static_cast<size_t>(size));
    return names_packet(request.id, {{text, text, {}}});
}

/// In this order: a change of owner takes the setuid bit away, a change of size sets the time.
void Server::change(const Request& request, int flags) const {
    const auto& wanted = request.attributes;
    const bool open = !request.handle.empty();
    const auto path = absolute(request.path);
    const auto place = open ? base::checked(::fcntl(file(request.handle), F_DUPFD_CLOEXEC, 3), "dup")
                            : base::open_in_root(root_.get(), path, O_PATH | flags);
    const auto seen = status(place.get(), path);
    if (has(wanted, Attributes::has_size)) {
        if (wanted.size > INT64_MAX) fail(EINVAL, "truncate " + path);
        const auto writable = open ? base::Fd() : open_regular(root_, path, O_WRONLY | flags);
        check(::ftruncate(open ? place.get() : writable.get(), static_cast<off_t>(wanted.size)), "truncate " + path);
    }
    if (has(wanted, Attributes::has_owner))
        check(::fchownat(place.get(), "", wanted.uid, wanted.gid, AT_EMPTY_PATH), "chown " + path);
    if (has(wanted, Attributes::has_mode)) {
        if (open)
            check(::fchmod(place.get(), wanted.mode & mode_bits), "chmod");
        else
            set_mode(root_, place, seen, path, wanted.mode);
    }
    if (has(wanted, Attributes::has_times)) set_times(place.get(), wanted, path);
}

void Server::rename(const Request& request, bool replace) const {
    const auto from = place_of(root_, absolute(request.path));
    const auto to = place_of(root_, absolute(request.second));
    const auto flags = replace ? 0U : static_cast<unsigned>(RENAME_NOREPLACE);
    check(::renameat2(from.folder.get(), from.name.c_str(), to.folder.get(), to.name.c_str(), flags),
          "rename " + request.path);
}

void Server::link(const Request& request) const {
    const auto from = place_of(root_, absolute(request.path));
    const auto to = place_of(root_, absolute(request.second));
    check(::linkat(from.folder.get(), from.name.c_str(), to.folder.get(), to.name.c_str(), 0), "link " + request.path);
}

void Server::make_folder(const Request& request) const {
    const auto place = place_of(root_, absolute(request.path));
    const auto& wanted = request.attributes;
    const auto mode = has(wanted, Attributes::has_mode) ? wanted.mode & mode_bits : new_folder;
    check(::mkdirat(place.folder.get(), place.name.c_str(), mode), "mkdir " + request.path);
}

void Server::make_symlink(const Request& request) const {
    const auto place = place_of(root_, absolute(request.second));
    check(::symlinkat(request.path.c_str(), place.folder.get(), place.name.c_str()), "symlink " + request.second);
}

void Server::remove(const Request& request, int flags) const {
    const auto place = place_of(root_, absolute(request.path));
    check(::unlinkat(place.folder.get(), place.name.c_str(), flags), "remove " + request.path);
}

std::string Server::file_system(uint32_t id, int fd) const {
    constexpr uint64_t read_only = 1;
    constexpr uint64_t no_setuid = 2;
    struct statvfs info{};
    check(::fstatvfs(fd, &info), "statvfs");
    const uint64_t flags =
        ((info.f_flag & ST_RDONLY) != 0 ? read_only : 0) | ((info.f_flag & ST_NOSUID) != 0 ? no_setuid : 0);
    return numbers_packet(id, {info.f_bsize, info.f_frsize, info.f_blocks, info.f_bfree, info.f_bavail, info.f_files,
                               info.f_ffree, info.f_favail, info.f_fsid, flags, info.f_namemax});
}

} // namespace runner::sftp
