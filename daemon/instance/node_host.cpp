#include "daemon/instance/node_host.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/backing_disks.h"
#include "schema/error.h"

namespace instance {

namespace {

schema::Error node_failure(const devices::NewNode& node) {
    return schema::failure("Failed to create device {} for {}: {}", node.file, node.source, std::strerror(errno));
}

/// Where nodes cannot be made, the host's own is shown with its owner and permissions.
void bind_node(const devices::NewNode& node) {
    base::write_file(node.file, "");
    if (::mount(node.source.c_str(), node.file.c_str(), nullptr, MS_BIND, nullptr) < 0) throw node_failure(node);
}

char kind_of(mode_t mode) {
    if (S_ISBLK(mode)) return 'b';
    return S_ISCHR(mode) ? 'c' : '\0';
}

} // namespace

std::optional<devices::FoundNode> RealNodeHost::find_node(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        throw schema::failure("Failed to get device attributes for {}: {}", path, std::strerror(errno));
    }
    const auto kind = kind_of(status.st_mode);
    return devices::FoundNode{path, {kind, ::major(status.st_rdev), ::minor(status.st_rdev)}, status.st_mode & 07777U};
}

void RealNodeHost::make_node(const devices::NewNode& node) {
    remove_node(node.file);
    base::Rollback rollback;
    rollback.add([&] { remove_node(node.file); });
    if (!may_make_nodes()) {
        bind_node(node);
        rollback.dismiss();
        return;
    }
    const auto type = static_cast<mode_t>(node.numbers.kind == 'b' ? S_IFBLK : S_IFCHR);
    const auto number = ::makedev(node.numbers.major, node.numbers.minor);
    if (::mknod(node.file.c_str(), type | node.mode, number) < 0 ||
        ::lchown(node.file.c_str(), static_cast<uid_t>(node.uid), static_cast<gid_t>(node.gid)) < 0 ||
        ::chmod(node.file.c_str(), node.mode) < 0)
        throw node_failure(node);
    rollback.dismiss();
}

void RealNodeHost::remove_node(const std::string& file) {
    while (::umount2(file.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    }
    // A container that has moved its mount of the node aside cannot open it any more.
    struct stat status{};
    if (::lstat(file.c_str(), &status) == 0 && kind_of(status.st_mode) != '\0' && ::lchown(file.c_str(), 0, 0) == 0)
        ::chmod(file.c_str(), 0);
    if (::unlink(file.c_str()) < 0 && errno != ENOENT)
        throw schema::failure("Failed to delete the device {}: {}", file, std::strerror(errno));
}

std::vector<std::string> RealNodeHost::names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(folder, missing))
        names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
}

void RealNodeHost::set_cgroup(const std::string& instance, const std::string& file, const std::string& value) {
    runtime_.set_cgroup(instance, file, value);
}

std::string RealNodeHost::get_cgroup(const std::string& instance, const std::string& file) {
    return runtime_.get_cgroup(instance, file).value_or("");
}

std::vector<std::string> RealNodeHost::disks_of(const std::string& path) {
    try {
        return backing_disks(path);
    } catch (const std::system_error& error) {
        throw schema::failure("Failed looking for the disk of {}: {}", path, error.what());
    }
}

} // namespace instance
