#include "daemon/storage/overlay.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "daemon/base/crypto.h"
#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/layout.h"
#include "schema/error.h"

namespace storage {

namespace {

constexpr size_t scratch_bytes = 8;

using base::fail;

base::Fd folder_at(int folder_fd, const std::string& path) {
    return base::checked(::openat(folder_fd, path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                         "Failed opening " + path);
}

base::Fd folder_at(const std::string& path) {
    return folder_at(AT_FDCWD, path);
}

/// Of every volume and snapshot, those that are being made or removed among them.
std::vector<std::string> volume_folders(const std::string& pool_path) {
    std::vector<std::string> found;
    for (const auto type : {VolumeType::container, VolumeType::image}) {
        const auto folder = layout::folder(pool_path, {type, ""});
        for (const auto& name : layout::names_in(folder)) found.push_back(fmt::format("{}/{}", folder, name));
    }
    const auto snapshots = layout::folder(pool_path, {VolumeType::container, "", "any"});
    for (const auto& name : layout::names_in(snapshots)) {
        found.push_back(fmt::format("{}/{}", snapshots, name)); // one that is being made
        if (name.starts_with('.')) continue;
        for (const auto& snapshot : layout::names_in(found.back()))
            found.push_back(fmt::format("{}/{}/{}", snapshots, name, snapshot));
    }
    return found;
}

bool is_writable(const VolumeId& volume) {
    return volume.type == VolumeType::container && volume.snapshot.empty();
}

std::string noted(const IdShift& ids) {
    return fmt::format("{}\n{}\n", schema::to_json(ids.from), schema::to_json(ids.to));
}

} // namespace

OverlayDriver::OverlayDriver(DriverContext of_pool)
    : DirDriver(std::move(of_pool)), layers_(
                                         context().pool_path, [this] { return volume_folders(context().pool_path); },
                                         [this](std::string gone) { discard(std::move(gone)); }) {}

// --- the pool ----------------------------------------------------------------------------------------------------

void OverlayDriver::create_pool() {
    base::Rollback rollback;
    try {
        DirDriver::create_pool();
        rollback.add([this] { delete_pool(); });
        probe();
    } catch (const std::system_error& error) {
        throw schema::failure("An overlay pool cannot be had here. It takes Linux 5.19, a daemon that is root of the "
                              "host, and a filesystem with extended attributes and id-mapped mounts that is no "
                              "overlay itself: {}",
                              error.what());
    }
    rollback.dismiss();
}

/// Tries what containers will need.
void OverlayDriver::probe() {
    const VolumeId volume{VolumeType::container, ".probe"};
    create(volume, [](const std::string& folder) { base::make_dir(folder + "/rootfs", 0755); });
    base::Rollback rollback;
    rollback.add([&] { remove(volume); });
    constexpr int64_t somebody = 1000000;
    mount(volume, {{}, {{true, true, somebody, 0, somebody}}});
    base::make_dir(path(volume) + "/rootfs/folder", 0755);
}

void OverlayDriver::delete_pool() {
    detach_mounts_below(context().pool_path);
    plain_.reset();
    DirDriver::delete_pool();
}

void OverlayDriver::mount_pool() {
    DirDriver::mount_pool();
    layers_.prepare();
    for (const auto* name : {"work", "views"}) base::make_dir(fmt::format("{}/{}", context().pool_path, name), 0700);
    plain_ = detached_mount(context().pool_path);
}

void OverlayDriver::unmount_pool() {
    plain_.reset();
    DirDriver::unmount_pool();
}

void OverlayDriver::clean_up() {
    detach_mounts_below(context().pool_path + "/views");
    for (const auto& name : layout::names_in(context().pool_path + "/views"))
        ::rmdir(fmt::format("{}/views/{}", context().pool_path, name).c_str());
    DirDriver::clean_up();
    for (const auto& name : layout::names_in(context().pool_path + "/work")) {
        const VolumeId volume{VolumeType::container, name};
        if (!layout::is_mount_point(path(volume) + "/rootfs")) base::remove_tree(work_folder(volume));
    }
    layers_.clean_up();
}

// --- volumes -----------------------------------------------------------------------------------------------------

base::Fd OverlayDriver::open_volume(const VolumeId& volume) const {
    const auto below = path(volume).substr(context().pool_path.size() + 1);
    return base::checked(::openat(plain_.get(), below.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                         "Failed opening " + path(volume));
}

void OverlayDriver::filled(const VolumeId& volume, const std::string& making) {
    if (volume.type != VolumeType::custom) layers_.make_of(making);
}

void OverlayDriver::copied(const std::string& making) {
    layers_.refer_again(making);
}

void OverlayDriver::leaving(const std::string& gone) {
    layers_.release(gone);
}

void OverlayDriver::restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) {
    unmount({snapshot.type, snapshot.name});
    DirDriver::restore(snapshot, cancel, progress);
}

void OverlayDriver::rename(const VolumeId& volume, const std::string& new_name) {
    unmount(volume);
    if (volume.snapshot.empty())
        for (const auto& snapshot : snapshots(volume)) unmount({volume.type, volume.name, snapshot});
    DirDriver::rename(volume, new_name);
}

void OverlayDriver::remove(const VolumeId& volume) {
    unmount(volume);
    DirDriver::remove(volume);
}

// --- mounts ------------------------------------------------------------------------------------------------------

std::string OverlayDriver::work_folder(const VolumeId& volume) const {
    return fmt::format("{}/work/{}", context().pool_path, volume.name);
}

void OverlayDriver::mount(const VolumeId& volume) {
    if (layout::is_mount_point(path(volume) + "/rootfs")) return;
    mount(volume, IdShift());
}

void OverlayDriver::mount(const VolumeId& volume, const IdShift& ids) {
    const auto layer = volume.type == VolumeType::custom ? std::nullopt : LowerLayers::layer_of(path(volume));
    if (!layer) return;
    const std::scoped_lock lock(mounting_);
    const auto target = path(volume) + "/rootfs";
    if (layout::is_mount_point(target)) {
        const auto shown = base::read_file_if_exists(work_folder(volume) + "/ids");
        if (!is_writable(volume) || shown == noted(ids)) return;
        detach_mounts(target);
    }
    mount_layers(volume, *layer, ids);
}

/// While it lives the layers are reached with the owners that they shall be seen with; the overlay then needs it no
/// more.
ScratchMount OverlayDriver::layers_mount(const std::string& volume_folder, const IdShift& ids) {
    struct stat status{};
    if (::stat(volume_folder.c_str(), &status) < 0) fail("Failed looking at " + volume_folder);
    const auto user_namespace = namespaces_.get(ids, status.st_uid, status.st_gid);
    const auto target = fmt::format("{}/views/{}", context().pool_path, base::random_hex(scratch_bytes));
    return mount_again(context().pool_path, target, user_namespace.get());
}

void OverlayDriver::mount_layers(const VolumeId& volume, const std::string& layer, const IdShift& ids) {
    const auto scratch = layers_mount(path(volume), ids);
    const auto pool = folder_at(*scratch);
    const auto below = [&](const std::string& path) {
        return folder_at(pool.get(), path.substr(context().pool_path.size() + 1));
    };
    const auto root = path(volume) + "/rootfs";
    Layers layers;
    if (is_writable(volume)) {
        const auto work = work_folder(volume);
        base::remove_tree(work);
        base::make_dir(work, 0700);
        base::write_file(work + "/ids", noted(ids));
        base::make_dir(work + "/work", 0700);
        layers.upper = below(root);
        layers.work = below(work + "/work");
    } else {
        layers.lower.push_back(below(root));
    }
    layers.lower.push_back(below(layers_.tree(layer) + "/rootfs"));
    mount_overlay(layers, root);
}

void OverlayDriver::unmount(const VolumeId& volume) {
    const std::scoped_lock lock(mounting_);
    detach_mounts(path(volume) + "/rootfs");
    if (is_writable(volume)) base::remove_tree(work_folder(volume));
}

std::shared_ptr<const std::string> OverlayDriver::view(const VolumeId& volume) {
    const auto layer = volume.type == VolumeType::custom ? std::nullopt : LowerLayers::layer_of(path(volume));
    if (!layer) return DirDriver::view(volume);
    const auto scratch = layers_mount(path(volume), {});
    const auto pool = folder_at(*scratch);
    Layers layers;
    for (const auto& path : {layers_.veil(), path(volume), layers_.tree(*layer)})
        layers.lower.push_back(folder_at(pool.get(), path.substr(context().pool_path.size() + 1)));
    auto target = fmt::format("{}/views/{}", context().pool_path, base::random_hex(scratch_bytes));
    auto seen = scratch_folder(std::move(target));
    mount_overlay(layers, *seen);
    return seen;
}

} // namespace storage
