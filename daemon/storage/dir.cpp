#include "daemon/storage/dir.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/mount.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#include "daemon/base/crypto.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/tree_copy.h"
#include "schema/error.h"

namespace storage {

namespace {

constexpr std::string_view temporary_prefix = ".partial-"; // no instance, image or volume name starts with a dot

struct Layout {
    const char* folder;
    mode_t mode;
};
/// LXD's: the instances' folders must be passable for their mapped roots.
constexpr std::array layout{
    Layout{"containers", 0711}, Layout{"containers-snapshots", 0711},
    Layout{"custom", 0700},     Layout{"custom-snapshots", 0700},
    Layout{"images", 0700},
};

const char* folder_name(VolumeType type) {
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

/// A container's folder is for its root alone, who needs no more than to pass through it.
mode_t volume_mode(VolumeType type) {
    return type == VolumeType::container ? 0100 : 0711;
}

[[noreturn]] void fail(const std::string& attempt) {
    throw std::system_error(errno, std::generic_category(), attempt);
}

std::vector<std::string> names_in(const std::string& folder) {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
    if (!dir) {
        if (errno == ENOENT) return {};
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

void rename_new(const std::string& from, const std::string& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
    if (errno == EEXIST) throw schema::conflict("Volume \"{}\" exists already", to);
    // Filesystems without RENAME_NOREPLACE: a folder replaces nothing but an empty folder.
    if (errno != EINVAL || ::rename(from.c_str(), to.c_str()) < 0) fail("Failed renaming " + from + " to " + to);
}

base::Fd open_folder(const std::string& path) {
    return base::checked(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                         "Failed opening " + path);
}

std::string without_last_slash(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

} // namespace

std::string DirDriver::folder(const VolumeId& volume) const {
    return fmt::format("{}/{}{}", context_.pool_path, folder_name(volume.type),
                       volume.snapshot.empty() ? "" : "-snapshots");
}

std::string DirDriver::snapshots_folder(const VolumeId& volume) const {
    return fmt::format("{}/{}-snapshots/{}", context_.pool_path, folder_name(volume.type), volume.name);
}

std::string DirDriver::temporary_path(const std::string& parent) {
    return fmt::format("{}/{}{}", parent, temporary_prefix, base::random_hex(8));
}

std::string DirDriver::source() const {
    const auto& configured = schema::get(context_.config, "source");
    return configured.empty() ? context_.pool_path : without_last_slash(configured);
}

bool DirDriver::source_is_elsewhere() const {
    return source() != context_.pool_path;
}

void DirDriver::create_pool() {
    base::Rollback rollback;
    if (is_folder(context_.pool_path))
        throw schema::failure("Storage pool directory \"{}\" already exists", context_.pool_path);
    base::make_dir(context_.pool_path, 0711);
    rollback.add([this] { base::remove_tree(context_.pool_path); });
    const auto place = source();
    if (!place.starts_with('/') || !is_folder(place)) throw schema::failure("Source path '{}' doesn't exist", place);
    const auto lxd_dir = context_.pool_path.substr(0, context_.pool_path.rfind("/storage-pools/") + 1);
    if (source_is_elsewhere() && (place + "/").starts_with(lxd_dir))
        throw schema::failure("Source path '{}' is within the LXD directory", place);
    if (!names_in(place).empty()) throw schema::failure("Source path '{}' isn't empty", place);
    rollback.add([this] { unmount_pool(); });
    mount_pool();
    rollback.dismiss();
}

void DirDriver::delete_pool() {
    removal_.wait();
    for (const auto& name : names_in(context_.pool_path))
        base::remove_tree(fmt::format("{}/{}", context_.pool_path, name));
    unmount_pool();
    if (::rmdir(context_.pool_path.c_str()) < 0 && errno != ENOENT)
        fail("Failed to remove directory " + context_.pool_path);
}

void DirDriver::mount_pool() {
    if (!is_folder(context_.pool_path)) base::make_dir(context_.pool_path, 0711);
    if (source_is_elsewhere()) {
        struct stat here{};
        struct stat there{};
        const auto place = source();
        if (::stat(place.c_str(), &there) < 0) fail("Failed mounting storage pool source " + place);
        if (::stat(context_.pool_path.c_str(), &here) < 0) fail("Failed looking at " + context_.pool_path);
        const bool mounted = here.st_dev == there.st_dev && here.st_ino == there.st_ino;
        if (!mounted && ::mount(place.c_str(), context_.pool_path.c_str(), nullptr, MS_BIND, nullptr) < 0)
            fail("Failed mounting " + place + " on " + context_.pool_path);
    }
    for (const auto& [name, mode] : layout) base::make_dir(context_.pool_path + "/" + name, mode);
}

void DirDriver::unmount_pool() {
    if (!source_is_elsewhere()) return;
    if (::umount2(context_.pool_path.c_str(), UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
        fail("Failed unmounting " + context_.pool_path);
}

std::string DirDriver::path(const VolumeId& volume) const {
    return volume.snapshot.empty() ? folder(volume) + "/" + volume.name
                                   : snapshots_folder(volume) + "/" + volume.snapshot;
}

bool DirDriver::exists(const VolumeId& volume) const {
    return base::exists(path(volume));
}

std::vector<std::string> DirDriver::list(VolumeType type) const {
    auto names = names_in(folder({type, ""}));
    std::erase_if(names, [](const auto& name) { return name.starts_with('.'); });
    return names;
}

std::vector<std::string> DirDriver::snapshots(const VolumeId& volume) const {
    return names_in(snapshots_folder(volume));
}

void DirDriver::create(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) {
    if (exists(volume)) throw schema::conflict("Volume \"{}\" exists already", path(volume));
    const auto making = temporary_path(folder(volume));
    base::make_dir(making, 0700);
    base::Rollback rollback;
    rollback.add([&] { base::remove_tree(making); });
    fill(making);
    if (::chmod(making.c_str(), volume_mode(volume.type)) < 0) fail("Failed setting the mode of " + making);
    if (!volume.snapshot.empty()) base::make_dir(snapshots_folder(volume), 0711);
    rename_new(making, path(volume));
    rollback.dismiss();
}

void DirDriver::copy(const VolumeId& source_volume, const std::string& making, const base::CancelToken& cancel,
                     const Progress& progress) const {
    TreeCopyOptions options;
    options.cancel = cancel;
    options.progress = progress;
    options.threads = std::min(4U, std::max(1U, std::thread::hardware_concurrency()));
    copy_tree(open_folder(path(source_volume)).get(), open_folder(making).get(), options);
}

void DirDriver::clone(const VolumeId& source_volume, const VolumeId& target, const base::CancelToken& cancel,
                      const Progress& progress) {
    create(target, [&](const std::string& making) { copy(source_volume, making, cancel, progress); });
}

void DirDriver::take(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    clone({snapshot.type, snapshot.name}, snapshot, cancel, progress);
}

void DirDriver::restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    const VolumeId volume{snapshot.type, snapshot.name};
    const auto making = temporary_path(folder(volume));
    base::make_dir(making, 0700);
    base::Rollback rollback;
    rollback.add([&] { base::remove_tree(making); });
    copy(snapshot, making, cancel, progress);
    if (::renameat2(AT_FDCWD, making.c_str(), AT_FDCWD, path(volume).c_str(), RENAME_EXCHANGE) < 0)
        fail("Failed exchanging " + path(volume));
    rollback.dismiss();
    removal_.remove(making);
}

void DirDriver::rename(const VolumeId& volume, const std::string& new_name) {
    if (!volume.snapshot.empty()) return rename_new(path(volume), path({volume.type, volume.name, new_name}));
    const VolumeId target{volume.type, new_name};
    base::Rollback rollback;
    if (base::exists(snapshots_folder(volume))) {
        rename_new(snapshots_folder(volume), snapshots_folder(target));
        rollback.add([&] { rename_new(snapshots_folder(target), snapshots_folder(volume)); });
    }
    rename_new(path(volume), path(target));
    rollback.dismiss();
}

void DirDriver::remove(const VolumeId& volume) {
    // Gone under its name at once, its files soon; what a crash interrupts here is removed by clean_up.
    const auto leaving = temporary_path(folder(volume));
    if (::rename(path(volume).c_str(), leaving.c_str()) < 0) {
        if (errno == ENOENT) return;
        fail("Failed removing " + path(volume));
    }
    removal_.remove(leaving);
    if (!volume.snapshot.empty()) ::rmdir(snapshots_folder(volume).c_str()); // stays where there are others
}

void DirDriver::mount(const VolumeId&) {}

void DirDriver::unmount(const VolumeId&) {}

std::optional<int64_t> DirDriver::usage(const VolumeId&) const {
    return {};
}

void DirDriver::clean_up() {
    for (const auto& part : layout) {
        const auto parent = context_.pool_path + "/" + part.folder;
        for (const auto& name : names_in(parent))
            if (name.starts_with(temporary_prefix)) base::remove_tree(fmt::format("{}/{}", parent, name));
    }
}

} // namespace storage
