#include "daemon/instance/device_host.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/mount_options.h"
#include "schema/error.h"

namespace instance {

namespace {

schema::Error mount_failure(const std::string& source, const std::string& staged) {
    return schema::failure("Failed to setup device mount from \"{}\" to \"{}\": {}", source, staged,
                           std::strerror(errno));
}

std::string filesystem_of(const std::string& disk) {
    const auto found = base::run({.argv = {"blkid", "-s", "TYPE", "-o", "value", disk}});
    const auto name = base::trimmed(found.out);
    if (!found.exit.ok() || name.empty())
        throw schema::failure("Failed detecting source path {:?} block device filesystem: {}", disk,
                              found.err.empty() ? "blkid knows none" : base::trimmed(found.err));
    return std::string(name);
}

/// A bind mount is made with the source's options, whatever it is asked for.
void set_options(const std::string& place, const std::string& text) {
    const auto options = parse_mount_options(text);
    mount_attr attributes{};
    attributes.attr_set = options.attributes;
    attributes.attr_clr = options.cleared;
    if (options.attributes == 0 && options.cleared == 0) return;
    if (::mount_setattr(AT_FDCWD, place.c_str(), 0, &attributes, sizeof attributes) != 0)
        throw schema::failure("Failed setting the options of the mount at \"{}\": {}", place, std::strerror(errno));
}

} // namespace

devices::PathKind RealDeviceHost::kind_of(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return devices::PathKind::missing;
        throw schema::failure("Failed accessing source path \"{}\": {}", path, std::strerror(errno));
    }
    if (S_ISDIR(status.st_mode)) return devices::PathKind::directory;
    if (S_ISREG(status.st_mode)) return devices::PathKind::file;
    return S_ISBLK(status.st_mode) ? devices::PathKind::block_device : devices::PathKind::other;
}

void RealDeviceHost::stage_mount(const std::string& source, const std::string& staged, bool recursive,
                                 const std::string& options) {
    unstage_mount(staged); // A start that was cut short may have left one.
    if (kind_of(source) == devices::PathKind::directory) {
        base::make_dir(staged, 0700);
    } else {
        base::write_file(staged, "");
    }
    base::Rollback rollback;
    rollback.add([&] { unstage_mount(staged); });
    const unsigned long flags = recursive ? MS_BIND | MS_REC : MS_BIND;
    if (::mount(source.c_str(), staged.c_str(), nullptr, flags, nullptr) != 0) throw mount_failure(source, staged);
    set_options(staged, options);
    rollback.dismiss();
}

void RealDeviceHost::stage_disk(const std::string& source, const std::string& staged, const std::string& options) {
    unstage_mount(staged);
    const auto filesystem = filesystem_of(source);
    const auto parsed = parse_mount_options(options);
    base::make_dir(staged, 0700);
    if (::mount(source.c_str(), staged.c_str(), filesystem.c_str(), parsed.flags, parsed.of_filesystem.c_str()) != 0) {
        const auto error = mount_failure(source, staged);
        unstage_mount(staged);
        throw error;
    }
}

void RealDeviceHost::map_staged(const std::string& staged, bool recursive, const schema::IdMap& ids) {
    storage::map_mount(staged, recursive, *namespaces_.get(ids));
}

void RealDeviceHost::unstage_mount(const std::string& staged) {
    while (::umount2(staged.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    }
    // Never a tree: where the unmount failed, the source's files would be in it.
    if (::rmdir(staged.c_str()) != 0 && errno == ENOTDIR) ::unlink(staged.c_str());
}

bool RealDeviceHost::can_map_ids(const std::string& path) {
    struct stat status{};
    if (!maps_ids_ || ::stat(path.c_str(), &status) != 0) return false;
    const std::scoped_lock lock(mutex_);
    const auto known = mapping_filesystems_.find(status.st_dev);
    if (known != mapping_filesystems_.end()) return known->second;
    return mapping_filesystems_[status.st_dev] = runtime_.can_map_mount(path);
}

void RealDeviceHost::attach_mount(const std::string& instance, const schema::MountOrder& order) {
    runtime_.attach_mount(instance, order);
}

void RealDeviceHost::detach_mount(const std::string& instance, const std::string& target) {
    runtime_.detach_mount(instance, target);
}

std::string RealDeviceHost::random_hex(size_t digits) {
    constexpr char symbols[] = "0123456789abcdef";
    std::string text(digits, '0');
    if (::getrandom(text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        throw std::system_error(errno, std::generic_category(), "Failed reading random bytes");
    }
    for (char& c : text) c = symbols[static_cast<unsigned char>(c) & 15U];
    return text;
}

} // namespace instance
