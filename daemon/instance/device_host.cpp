#include "daemon/instance/device_host.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "schema/error.h"

namespace instance {

namespace {

schema::Error mount_failure(const std::string& source, const std::string& staged) {
    return schema::failure("Failed to setup device mount from \"{}\" to \"{}\": {}", source, staged,
                           std::strerror(errno));
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

void RealDeviceHost::stage_mount(const std::string& source, const std::string& staged, bool recursive) {
    unstage_mount(staged); // A start that was cut short may have left one.
    if (kind_of(source) == devices::PathKind::directory) {
        base::make_dir(staged, 0700);
    } else {
        base::write_file(staged, "");
    }
    const unsigned long flags = recursive ? MS_BIND | MS_REC : MS_BIND;
    if (::mount(source.c_str(), staged.c_str(), nullptr, flags, nullptr) != 0) {
        const auto error = mount_failure(source, staged);
        unstage_mount(staged);
        throw error;
    }
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

void RealDeviceHost::attach_mount(const std::string& instance, const std::string& source, const std::string& target,
                                  bool read_only, bool recursive, bool idmapped) {
    runtime_.attach_mount(instance, source, target, read_only, recursive, idmapped);
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
