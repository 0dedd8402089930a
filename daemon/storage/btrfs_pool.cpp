#include "daemon/storage/btrfs_pool.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/backing.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/loop_device.h"
#include "daemon/storage/mount_options.h"
#include "daemon/storage/subvolume.h"
#include "schema/error.h"
#include "schema/units.h"
#include "schema/values.h"

namespace storage {

namespace {

constexpr std::string_view default_options = "user_subvol_rm_allowed";

using base::fail;

/// Of the filesystem on a device, from its superblock.
std::string filesystem_uuid(const std::string& device) {
    constexpr off_t superblock = 0x10000;
    constexpr off_t uuid_offset = 0x20;
    unsigned char id[16];
    const auto opened = base::checked(::open(device.c_str(), O_RDONLY | O_CLOEXEC), "Failed opening " + device);
    if (::pread(opened.get(), id, sizeof id, superblock + uuid_offset) != sizeof id) fail("Failed reading " + device);
    std::string text;
    for (size_t i = 0; i < sizeof id; ++i)
        text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
    return text;
}

void remove_folder(const std::string& path) {
    if (::rmdir(path.c_str()) < 0 && errno != ENOENT) fail("Failed to remove directory " + path);
}

void remove_file(const std::string& path) {
    if (::unlink(path.c_str()) < 0 && errno != ENOENT) fail("Failed removing loop file " + path);
}

/// Subvolumes in it, then the rest.
void wipe(const std::string& path) {
    const auto opened = subvolume::open(path);
    if (!subvolume::is_on_btrfs(path)) return;
    for (const auto& part : layout::folders) {
        const auto folder = fmt::format("{}/{}", path, part.name);
        for (const auto& name : layout::names_in(folder)) {
            const auto volume = fmt::format("{}/{}", folder, name);
            if (subvolume::is_subvolume(volume))
                subvolume::remove(volume);
            else
                for (const auto& snapshot : layout::names_in(volume))
                    if (const auto inner = fmt::format("{}/{}", volume, snapshot); subvolume::is_subvolume(inner))
                        subvolume::remove(inner);
        }
    }
    for (const auto& name : layout::names_in(path)) base::remove_tree(fmt::format("{}/{}", path, name));
}

void resize_to_device(const std::string& mount_point) {
    btrfs_ioctl_vol_args arguments{};
    std::strncpy(arguments.name, "max", sizeof arguments.name - 1);
    if (::ioctl(subvolume::open(mount_point).get(), BTRFS_IOC_RESIZE, &arguments) < 0)
        fail("Failed growing the filesystem of " + mount_point);
}

} // namespace

std::string BtrfsPool::loop() const {
    return loop_file(context_.pool_path, context_.pool_name);
}

bool BtrfsPool::is_loop() const {
    return source().empty() || source() == loop();
}

std::string BtrfsPool::mount_options() const {
    const auto& chosen = schema::get(context_.config, "btrfs.mount_options");
    return chosen.empty() ? std::string(default_options) : chosen;
}

void BtrfsPool::create() {
    if (base::exists(context_.pool_path))
        throw schema::failure("Storage pool directory \"{}\" already exists", context_.pool_path);
    if (is_loop() && base::exists(loop())) throw schema::failure("The loop file \"{}\" exists already", loop());
    const auto before = context_.config;
    base::make_dir(context_.pool_path, 0711);
    base::Rollback rollback;
    rollback.add([&] {
        remove();
        context_.config = before;
    });
    if (!source().empty()) context_.config["volatile.initial_source"] = source();
    make_source();
    mount();
    rollback.dismiss();
}

void BtrfsPool::make_source() {
    if (is_loop()) return make_loop();
    context_.config.erase("size"); // of a file alone
    if (is_block_device(source())) return format_device();
    if (!source().starts_with('/')) throw schema::failure("Invalid \"source\" property");
    make_subvolume();
}

void BtrfsPool::make_loop() {
    context_.config["source"] = loop();
    auto& size = context_.config["size"];
    if (size.empty()) size = default_loop_size(layout::lxd_dir(context_.pool_path));
    context_.decided(context_.config);
    make_sparse_file(loop(), schema::parse_bytes(size));
    try {
        make_filesystem("btrfs", context_.pool_name, loop());
    } catch (const schema::Error& error) {
        throw schema::failure("Failed to format sparse file: {}", error.what());
    }
}

void BtrfsPool::format_device() {
    try {
        make_filesystem("btrfs", context_.pool_name, source());
    } catch (const schema::Error& error) {
        throw schema::failure("Failed to format block device: {}", error.what());
    }
    const auto uuid = filesystem_uuid(source());
    if (device_by_uuid(uuid)) context_.config["source"] = uuid;
}

void BtrfsPool::make_subvolume() {
    const auto place = source();
    if (subvolume::is_subvolume(place)) {
        if (!layout::names_in(place).empty())
            throw schema::failure("Requested btrfs subvolume exists but is not empty");
        return;
    }
    const auto lxd_dir = layout::lxd_dir(context_.pool_path);
    if (base::exists(place) && !subvolume::is_on_btrfs(place))
        throw schema::failure("Provided path does not reside on a btrfs filesystem");
    if (!lxd_dir.empty() && place.starts_with(lxd_dir)) {
        if (!is_in_place())
            throw schema::failure("Only allowed source path under {} is {}",
                                  schema::quoted(std::string_view(lxd_dir).substr(0, lxd_dir.size() - 1)),
                                  schema::quoted(context_.pool_path));
        remove_folder(place);
    }
    subvolume::create(place);
}

void BtrfsPool::mount() {
    base::make_dir(context_.pool_path, 0711);
    if (is_in_place()) {
        if (!subvolume::is_subvolume(context_.pool_path))
            throw schema::failure("Source path {} isn't btrfs", schema::quoted(source()));
    } else if (!layout::is_mount_point(context_.pool_path)) {
        mount_source();
    }
    layout::make_folders(context_.pool_path);
}

void BtrfsPool::mount_source() {
    const auto options = storage::mount_options(mount_options());
    if (is_loop()) {
        const auto device = attach_loop(loop());
        return mount_filesystem(device.path, context_.pool_path, "btrfs", options);
    }
    const auto place = source().starts_with('/') ? source() : "/dev/disk/by-uuid/" + source();
    if (is_block_device(place)) return mount_filesystem(place, context_.pool_path, "btrfs", options);
    if (!subvolume::is_on_btrfs(place)) throw schema::failure("Source path {} isn't btrfs", schema::quoted(place));
    mount_filesystem(place, context_.pool_path, "none", {MS_BIND, ""});
    base::Rollback rollback;
    rollback.add([&] { unmount(); });
    mount_filesystem("", context_.pool_path, "none", {options.flags | MS_REMOUNT, options.data});
    rollback.dismiss();
}

void BtrfsPool::unmount() {
    if (layout::is_mount_point(context_.pool_path)) unmount_filesystem(context_.pool_path);
}

void BtrfsPool::remove() {
    if (!base::exists(context_.pool_path)) return;
    const bool mounted = layout::is_mount_point(context_.pool_path);
    const bool in_place = !mounted && subvolume::is_subvolume(context_.pool_path);
    if (mounted || in_place) wipe(context_.pool_path);
    unmount();
    if (in_place) subvolume::remove(context_.pool_path);
    // Before the folder, which is what a second try goes by. With no source nothing was decided on yet.
    if (source() == loop()) remove_file(loop());
    for (const auto& part : layout::folders) ::rmdir(fmt::format("{}/{}", context_.pool_path, part.name).c_str());
    remove_folder(context_.pool_path);
}

void BtrfsPool::update(const schema::Config& config) {
    if (const auto& size = schema::get(config, "size"); size != schema::get(context_.config, "size")) grow(size);
    const auto before = mount_options();
    context_.config = config;
    if (before == mount_options() || is_in_place()) return;
    const auto options = storage::mount_options(mount_options());
    mount_filesystem("", context_.pool_path, "none", {options.flags | MS_REMOUNT, options.data});
}

void BtrfsPool::grow(const std::string& size) {
    if (!is_loop()) throw schema::bad_request("Only a pool in a file of the daemon's has a size");
    if (size.empty()) throw schema::bad_request("The size of the pool's file cannot be unset");
    grow_file(loop(), schema::parse_bytes(size));
    if (const auto device = find_loop(loop()); !device.empty()) refresh_loop_size(device);
    resize_to_device(context_.pool_path);
    subvolume::commit(subvolume::open(context_.pool_path).get());
}

} // namespace storage
