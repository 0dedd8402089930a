#include "daemon/instance/root_file.h"

#include <cerrno>
#include <optional>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

using base::fail;

/// Nothing where it does not exist.
std::optional<base::Fd> find(int root_fd, const std::string& path, int flags) {
    try {
        return base::open_in_root(root_fd, path, O_PATH | flags);
    } catch (const std::system_error& error) {
        if (error.code() == std::errc::no_such_file_or_directory) return {};
        throw;
    }
}

std::vector<std::string_view> names_of(const std::string& path) {
    std::vector<std::string_view> names;
    for (const auto name : schema::split(path, '/')) {
        if (name.empty() || name == ".") continue;
        if (name == "..") throw schema::bad_request("The path {:?} leads out of the instance", path);
        names.push_back(name);
    }
    if (names.empty() || path.ends_with('/')) throw schema::bad_request("The path {:?} names no file", path);
    return names;
}

void give(const base::Fd& fd, RootOwner owner, mode_t mode, const std::string& path) {
    if (::fchown(fd.get(), owner.uid, owner.gid) < 0) fail("Failed giving " + path + " to its owner");
    if (::fchmod(fd.get(), mode) < 0) fail("Failed setting the mode of " + path);
}

base::Fd open_or_make_folder(int root_fd, const base::Fd& parent, const std::string& path, const std::string& name,
                             RootOwner owner) {
    if (auto found = find(root_fd, path, O_DIRECTORY)) return std::move(*found);
    if (::mkdirat(parent.get(), name.c_str(), 0700) < 0) fail("Failed making " + path);
    const auto made = base::open_beneath(parent.get(), name, O_RDONLY | O_DIRECTORY);
    give(made, owner, 0755, path);
    return base::open_in_root(root_fd, path, O_PATH | O_DIRECTORY);
}

base::Fd parent_folder(int root_fd, const std::vector<std::string_view>& names, RootOwner owner) {
    auto folder = base::open_in_root(root_fd, "/", O_PATH | O_DIRECTORY);
    std::string path;
    for (size_t index = 0; index + 1 < names.size(); ++index) {
        const std::string name(names[index]);
        path += "/" + name;
        folder = open_or_make_folder(root_fd, folder, path, name, owner);
    }
    return folder;
}

/// What is there is looked at before it is opened: opening a device or a pipe would do something.
base::Fd open_existing(int root_fd, const base::Fd& found, const std::string& path) {
    struct stat seen{};
    struct stat opened{};
    if (::fstat(found.get(), &seen) < 0) fail(path);
    if (!S_ISREG(seen.st_mode)) throw schema::bad_request("{:?} is not a regular file", path);
    auto fd = base::open_in_root(root_fd, path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    if (::fstat(fd.get(), &opened) < 0) fail(path);
    if (opened.st_dev != seen.st_dev || opened.st_ino != seen.st_ino) throw schema::failure("{:?} was replaced", path);
    if (::ftruncate(fd.get(), 0) < 0) fail("Failed truncating " + path);
    return fd;
}

base::Fd make_file(int root_fd, const std::string& path, RootOwner owner) {
    const auto names = names_of(path);
    const auto folder = parent_folder(root_fd, names, owner);
    const std::string name(names.back());
    base::Fd fd(::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    // A link to nothing: what it means inside is made.
    if (!fd && errno == EEXIST) fd = base::open_in_root(root_fd, path, O_WRONLY | O_CREAT | O_NONBLOCK, 0600);
    if (!fd) fail("Failed making " + path);
    give(fd, owner, 0644, path);
    return fd;
}

} // namespace

bool exists_in_root(int root_fd, const std::string& path) {
    names_of(path);
    return find(root_fd, path, O_NOFOLLOW).has_value();
}

void write_in_root(int root_fd, const std::string& path, std::string_view content, RootOwner owner) {
    names_of(path);
    const auto found = find(root_fd, path, 0);
    const auto file = found ? open_existing(root_fd, *found, path) : make_file(root_fd, path, owner);
    base::write_all(file.get(), content);
}

} // namespace instance
