#include "daemon/storage/dir.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/durable.h"
#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/project_quota.h"
#include "daemon/storage/sync_tree.h"
#include "daemon/storage/tree_copy.h"
#include "schema/error.h"

namespace storage {

namespace {

using base::fail;

void remove_empty_parts(const std::string& place) {
    for (const auto& part : layout::folders) ::rmdir(fmt::format("{}/{}", place, part.name).c_str());
}

std::string without_last_slash(std::string path) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

} // namespace

std::string DirDriver::folder(const VolumeId& volume) const {
    return layout::folder(context_.pool_path, volume);
}

std::string DirDriver::snapshots_folder(const VolumeId& volume) const {
    return layout::snapshots_folder(context_.pool_path, volume);
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
    if (layout::is_folder(context_.pool_path))
        throw schema::failure("Storage pool directory \"{}\" already exists", context_.pool_path);
    base::make_dir(context_.pool_path, 0711);
    rollback.add([this] { base::remove_tree(context_.pool_path); });
    const auto place = source();
    if (!place.starts_with('/') || !layout::is_folder(place))
        throw schema::failure("Source path '{}' doesn't exist", place);
    const auto lxd_dir = layout::lxd_dir(context_.pool_path);
    if (source_is_elsewhere() && !lxd_dir.empty() && (place + "/").starts_with(lxd_dir))
        throw schema::failure("Source path '{}' is within the LXD directory", place);
    if (!layout::names_in(place).empty()) throw schema::failure("Source path '{}' isn't empty", place);
    context_.decided(context_.config);
    rollback.add([place] { remove_empty_parts(place); });
    layout::make_folders(place);
    rollback.add([this] { unmount_pool(); });
    mount_pool();
    rollback.dismiss();
}

void DirDriver::delete_pool() {
    removal_.wait();
    for (const auto& name : layout::names_in(context_.pool_path))
        base::remove_tree(fmt::format("{}/{}", context_.pool_path, name));
    unmount_pool();
    remove_empty_parts(source()); // still there where it was not mounted; what is not empty may be somebody else's
    if (::rmdir(context_.pool_path.c_str()) < 0 && errno != ENOENT)
        fail("Failed to remove directory " + context_.pool_path);
}

void DirDriver::mount_pool() {
    if (!layout::is_folder(context_.pool_path)) base::make_dir(context_.pool_path, 0711);
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
    if (!layout::is_laid_out(context_.pool_path)) {
        unmount_pool();
        throw schema::failure("Source path '{}' holds no storage pool: its filesystem may not be mounted", source());
    }
    layout::make_folders(context_.pool_path);
    counts_projects_ = project_kernel().count(layout::open_folder(context_.pool_path).get(), 0).has_value();
}

void DirDriver::limit(const VolumeId& volume, int64_t bytes) {
    const auto folder = open_volume(volume);
    if (limit_folder(project_kernel(), folder.get(), static_cast<uint64_t>(bytes))) base::sync_journal(folder.get());
}

void DirDriver::unmount_pool() {
    if (!source_is_elsewhere()) return;
    removal_.end();
    if (::umount2(context_.pool_path.c_str(), UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
        fail("Failed unmounting " + context_.pool_path);
}

std::string DirDriver::path(const VolumeId& volume) const {
    return layout::path(context_.pool_path, volume);
}

bool DirDriver::exists(const VolumeId& volume) const {
    return base::exists(path(volume));
}

std::vector<std::string> DirDriver::list(VolumeType type) const {
    auto names = layout::names_in(folder({type, ""}));
    std::erase_if(names, [](const auto& name) { return name.starts_with('.'); });
    return names;
}

std::vector<std::string> DirDriver::snapshots(const VolumeId& volume) const {
    return layout::names_in(snapshots_folder(volume));
}

std::string DirDriver::parent(const VolumeId& volume) const {
    return volume.snapshot.empty() ? folder(volume) : snapshots_folder(volume);
}

void DirDriver::create(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) {
    make(volume, [&](const std::string& making) {
        fill(making);
        filled(volume, making);
        sync_tree(making); // an image, too: what is there after a power cut is taken for whole
    });
}

/// All or nothing.
void DirDriver::make(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) {
    if (exists(volume)) throw schema::conflict("Volume \"{}\" exists already", path(volume));
    const auto making = layout::temporary_path(folder(volume));
    base::make_dir(making, 0700);
    base::Rollback rollback;
    rollback.add([&] { base::remove_tree(making); });
    rollback.add([&] { leaving(making); });
    layout::set_first_mode(making, volume.type);
    fill(making);
    layout::set_last_mode(making, volume.type);
    if (!volume.snapshot.empty()) {
        base::make_dir(snapshots_folder(volume), 0711);
        rollback.add([&] { ::rmdir(snapshots_folder(volume).c_str()); });
    }
    layout::rename_new(making, path(volume));
    rollback.dismiss();
    base::sync_folder(parent(volume));
}

void DirDriver::copy(const VolumeId& source_volume, const std::string& making, const base::CancelToken& cancel,
                     const Progress& progress) {
    TreeCopyOptions options;
    options.cancel = cancel;
    options.progress = progress;
    options.threads = copying_threads();
    copy_tree(open_volume(source_volume).get(), layout::open_folder(making).get(), options);
    copied(making);
    sync_tree(making);
}

base::Fd DirDriver::open_volume(const VolumeId& volume) const {
    return layout::open_folder(path(volume));
}

void DirDriver::clone(const VolumeId& source_volume, const VolumeId& target, const base::CancelToken& cancel,
                      const Progress& progress) {
    make(target, [&](const std::string& making) { copy(source_volume, making, cancel, progress); });
}

void DirDriver::take(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    clone({snapshot.type, snapshot.name}, snapshot, cancel, progress);
}

void DirDriver::rename(const VolumeId& volume, const std::string& new_name) {
    if (!volume.snapshot.empty()) {
        layout::rename_new(path(volume), path({volume.type, volume.name, new_name}));
        return base::sync_folder(snapshots_folder(volume));
    }
    const VolumeId target{volume.type, new_name};
    base::Rollback rollback;
    if (base::exists(snapshots_folder(volume))) {
        layout::rename_new(snapshots_folder(volume), snapshots_folder(target));
        rollback.add([&] { layout::rename_new(snapshots_folder(target), snapshots_folder(volume)); });
    }
    if (exists(volume) || !exists(target)) layout::rename_new(path(volume), path(target));
    rollback.dismiss();
    base::sync_folder(folder({volume.type, volume.name, "any"}));
    base::sync_folder(folder(volume));
}

void DirDriver::remove(const VolumeId& volume) {
    // Gone under its name at once, its files soon; what a crash interrupts here is removed by clean_up.
    const auto leaving = layout::temporary_path(folder(volume));
    if (::rename(path(volume).c_str(), leaving.c_str()) < 0) {
        if (errno != ENOENT) fail("Failed removing " + path(volume));
    } else {
        base::sync_folder(parent(volume)); // before its row goes
        this->leaving(leaving);
        removal_.remove(leaving);
    }
    if (volume.snapshot.empty()) drop_changing(volume);
    ::rmdir(snapshots_folder(volume).c_str()); // stays where there are any
}

void DirDriver::mount(const VolumeId&) {}

void DirDriver::unmount(const VolumeId&) {}

std::optional<int64_t> DirDriver::usage(const VolumeId& volume) const {
    if (!counts_projects_) return {};
    const auto used = used_by_folder(project_kernel(), open_volume(volume).get());
    return used ? std::optional(static_cast<int64_t>(*used)) : std::nullopt;
}

void DirDriver::clean_up() {
    removal_.wait(); // its trees have such names
    for (const auto& path : layout::leftovers(context_.pool_path)) base::remove_tree(path);
    layout::remove_empty_snapshot_folders(context_.pool_path);
}

} // namespace storage
