#include "daemon/storage/layout.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "schema/error.h"

namespace storage::layout {

namespace {

constexpr std::string_view temporary_prefix = ".partial-"; // no instance, image or volume name starts with a dot
constexpr size_t temporary_bytes = 8;

const char* type_name(VolumeType type) {
    switch (type) {
    case VolumeType::container:
        return "containers";
    case VolumeType::image:
        return "images";
    case VolumeType::custom:
        return "custom";
    }
    return "";
}

using base::fail;

void add_temporary(const std::string& folder, std::vector<std::string>& found) {
    for (const auto& name : names_in(folder))
        if (is_temporary(name)) found.push_back(fmt::format("{}/{}", folder, name));
}

} // namespace

void make_folders(const std::string& pool_path) {
    for (const auto& [name, mode] : folders) make_folder_of_trees(fmt::format("{}/{}", pool_path, name), mode);
}

void make_folder_of_trees(const std::string& path, mode_t mode) {
    base::make_dir(path, mode);
    const base::Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    int flags = 0;
    if (!folder || ::ioctl(folder.get(), FS_IOC_GETFLAGS, &flags) < 0 || (flags & FS_TOPDIR_FL) != 0) return;
    flags |= FS_TOPDIR_FL;
    ::ioctl(folder.get(), FS_IOC_SETFLAGS, &flags);
}

std::string folder(const std::string& pool_path, const VolumeId& volume) {
    return fmt::format("{}/{}{}", pool_path, type_name(volume.type), volume.snapshot.empty() ? "" : "-snapshots");
}

std::string snapshots_folder(const std::string& pool_path, const VolumeId& volume) {
    return fmt::format("{}/{}-snapshots/{}", pool_path, type_name(volume.type), volume.name);
}

std::string path(const std::string& pool_path, const VolumeId& volume) {
    return volume.snapshot.empty() ? folder(pool_path, volume) + "/" + volume.name
                                   : snapshots_folder(pool_path, volume) + "/" + volume.snapshot;
}

mode_t volume_mode(VolumeType type) {
    return type == VolumeType::container ? 0100 : 0711;
}

mode_t volume_mode(VolumeType type, mode_t brought) {
    return type == VolumeType::custom ? brought : volume_mode(type);
}

void set_first_mode(const std::string& path, VolumeType type) {
    if (type == VolumeType::custom && ::chmod(path.c_str(), volume_mode(type)) < 0)
        fail("Failed setting the mode of " + path);
}

void set_last_mode(const std::string& path, VolumeType type) {
    if (type != VolumeType::custom && ::chmod(path.c_str(), volume_mode(type)) < 0)
        fail("Failed setting the mode of " + path);
}

std::string temporary_path(const std::string& parent) {
    return fmt::format("{}/{}{}", parent, temporary_prefix, base::random_hex(temporary_bytes));
}

bool is_temporary(std::string_view name) {
    if (!name.starts_with(temporary_prefix)) return false;
    name.remove_prefix(temporary_prefix.size());
    return name.size() == 2 * temporary_bytes &&
           std::ranges::all_of(name, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

std::vector<std::string> leftovers(const std::string& pool_path) {
    std::vector<std::string> found;
    for (const auto& part : folders) {
        const auto parent = fmt::format("{}/{}", pool_path, part.name);
        add_temporary(parent, found);
        if (!std::string_view(part.name).ends_with("-snapshots")) continue;
        for (const auto& volume : names_in(parent)) add_temporary(fmt::format("{}/{}", parent, volume), found);
    }
    return found;
}

void remove_empty_snapshot_folders(const std::string& pool_path) {
    for (const auto& part : folders) {
        if (!std::string_view(part.name).ends_with("-snapshots")) continue;
        const auto parent = fmt::format("{}/{}", pool_path, part.name);
        for (const auto& volume : names_in(parent)) ::rmdir(fmt::format("{}/{}", parent, volume).c_str());
    }
}

void make_place(const std::string& pool_path, const VolumeId& volume) {
    if (!volume.snapshot.empty()) base::make_dir(snapshots_folder(pool_path, volume), 0711);
    base::make_dir(path(pool_path, volume), volume_mode(volume.type));
}

void with_place(const std::string& pool_path, const VolumeId& volume, const std::function<void()>& make) {
    base::Rollback rollback;
    rollback.add([&] {
        ::rmdir(path(pool_path, volume).c_str());
        if (!volume.snapshot.empty()) ::rmdir(snapshots_folder(pool_path, volume).c_str());
    });
    make_place(pool_path, volume);
    make();
    rollback.dismiss();
}

void remove_stale_places(const std::string& pool_path, const std::function<bool(const VolumeId& volume)>& is_there) {
    const auto look_at = [&](const VolumeId& volume) {
        if (!is_there(volume)) ::rmdir(path(pool_path, volume).c_str()); // no longer than it is empty
    };
    for (const auto type : {VolumeType::container, VolumeType::image, VolumeType::custom}) {
        for (const auto& name : names_in(folder(pool_path, {type, ""}))) look_at({type, name});
        for (const auto& name : names_in(folder(pool_path, {type, "", "any"})))
            for (const auto& snapshot : names_in(snapshots_folder(pool_path, {type, name})))
                look_at({type, name, snapshot});
    }
    remove_empty_snapshot_folders(pool_path);
}

bool is_laid_out(const std::string& pool_path) {
    return std::ranges::any_of(folders,
                               [&](const auto& part) { return is_folder(fmt::format("{}/{}", pool_path, part.name)); });
}

std::vector<std::string> names_in(const std::string& folder) {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
    if (!dir) {
        if (errno == ENOENT || errno == ENOTDIR) return {};
        fail("Failed listing " + folder);
    }
    std::vector<std::string> names;
    while (const auto* entry = ::readdir(dir.get()))
        if (const std::string name = entry->d_name; name != "." && name != "..") names.push_back(name);
    return names;
}

bool is_folder(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

base::Fd open_folder(const std::string& path) {
    return base::checked(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                         "Failed opening " + path);
}

bool is_mount_point(const std::string& path) {
    struct statx status{};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &status) < 0) {
        if (errno == ENOENT) return false;
        fail("Failed looking at " + path);
    }
    return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void rename_new(const std::string& from, const std::string& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
    if (errno == EEXIST) throw schema::conflict("Volume \"{}\" exists already", to);
    // Filesystems without RENAME_NOREPLACE: a folder replaces nothing but an empty folder.
    if (errno != EINVAL || ::rename(from.c_str(), to.c_str()) < 0) fail("Failed renaming " + from + " to " + to);
}

std::string lxd_dir(const std::string& pool_path) {
    const auto end = pool_path.rfind("/storage-pools/");
    return end == std::string::npos ? "" : pool_path.substr(0, end + 1);
}

} // namespace storage::layout
