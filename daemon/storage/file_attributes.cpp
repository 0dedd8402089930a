#include "daemon/storage/file_attributes.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/xattr.h>
#include <system_error>
#include <unistd.h>

namespace storage {

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// A path that names a file by its folder's descriptor: the l*xattr calls have no *at form before Linux 6.13.
std::string proc_path(const FilePlace& place) {
    return fmt::format("/proc/self/fd/{}/{}", place.folder_fd, place.name);
}

template <class List, class Get> Xattrs read_xattrs(const List& list, const Get& get) {
    std::array<char, 1024> stack_names;
    std::string heap_names;
    auto length = list(stack_names.data(), stack_names.size());
    const char* names = stack_names.data();
    while (length < 0 && errno == ERANGE) {
        length = list(nullptr, 0);
        if (length < 0) break;
        heap_names.resize(static_cast<size_t>(length));
        length = list(heap_names.data(), heap_names.size());
        names = heap_names.data();
    }
    if (length < 0) {
        if (errno == ENOTSUP) return {};
        fail("listxattr");
    }
    Xattrs found;
    for (const char* name = names; name < names + length; name += std::char_traits<char>::length(name) + 1) {
        std::string value(256, '\0');
        ssize_t size = 0;
        while ((size = get(name, value.data(), value.size())) < 0 && errno == ERANGE) value.resize(value.size() * 4);
        if (size < 0) {
            if (errno == ENODATA || errno == ENOTSUP) continue;
            fail("getxattr");
        }
        value.resize(static_cast<size_t>(size));
        found.emplace_back(name, std::move(value));
    }
    return found;
}

std::array<timespec, 2> times(const struct stat& wanted) {
    return {wanted.st_atim, wanted.st_mtim};
}

bool same_owner(const struct stat& left, const struct stat& right) {
    return left.st_uid == right.st_uid && left.st_gid == right.st_gid;
}

struct Changes {
    bool owner;
    bool mode;
};

void set_all(int fd, const struct stat& wanted, const Changes& changes, const Xattrs& xattrs) {
    // A change of owner clears setuid bits and capabilities, and a change of mode changes an ACL's mask: hence the
    // order.
    if (changes.owner && ::fchown(fd, wanted.st_uid, wanted.st_gid) < 0) fail("fchown");
    if (changes.mode && ::fchmod(fd, wanted.st_mode & 07777) < 0) fail("fchmod");
    for (const auto& [name, value] : xattrs)
        if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) < 0 && errno != ENOTSUP) fail("fsetxattr");
    if (::futimens(fd, times(wanted).data()) < 0) fail("futimens");
}

} // namespace

Xattrs xattrs(int fd) {
    return read_xattrs([fd](char* names, size_t size) { return ::flistxattr(fd, names, size); },
                       [fd](const char* name, char* value, size_t size) { return ::fgetxattr(fd, name, value, size); });
}

Xattrs xattrs(const FilePlace& place) {
    const auto path = proc_path(place);
    return read_xattrs(
        [&](char* names, size_t size) { return ::llistxattr(path.c_str(), names, size); },
        [&](const char* name, char* value, size_t size) { return ::lgetxattr(path.c_str(), name, value, size); });
}

void set_attributes(int fd, const struct stat& wanted, const struct stat& made_as, const Xattrs& xattrs) {
    set_all(fd, wanted, {.owner = !same_owner(wanted, made_as), .mode = true}, xattrs);
}

void set_new_attributes(int fd, const struct stat& wanted, const Xattrs& xattrs) {
    struct stat made{};
    if (::fstat(fd, &made) < 0) fail("fstat");
    set_all(fd, wanted, {.owner = !same_owner(wanted, made), .mode = made.st_mode != wanted.st_mode}, xattrs);
}

void set_attributes(const FilePlace& place, const struct stat& wanted, const struct stat& made_as,
                    const Xattrs& xattrs) {
    if (!same_owner(wanted, made_as) &&
        ::fchownat(place.folder_fd, place.name, wanted.st_uid, wanted.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        fail("fchownat");
    // The caller has just made this file in a folder of its own, so that it is no link when `wanted` says so.
    if (!S_ISLNK(wanted.st_mode) && ::fchmodat(place.folder_fd, place.name, wanted.st_mode & 07777, 0) < 0)
        fail("fchmodat");
    if (!xattrs.empty()) {
        const auto path = proc_path(place);
        for (const auto& [name, value] : xattrs)
            if (::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) < 0 && errno != ENOTSUP)
                fail("lsetxattr");
    }
    if (::utimensat(place.folder_fd, place.name, times(wanted).data(), AT_SYMLINK_NOFOLLOW) < 0) fail("utimensat");
}

} // namespace storage
