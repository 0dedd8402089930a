#include "daemon/instance/device_host.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "daemon/network/link.h"
#include "schema/error.h"

namespace instance {

using devices::PathKind;

PathKind HostDevices::kind_of(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) < 0) return PathKind::missing;
    if (S_ISDIR(status.st_mode)) return PathKind::directory;
    if (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode)) return PathKind::file;
    return S_ISBLK(status.st_mode) ? PathKind::block_device : PathKind::other;
}

void HostDevices::stage_mount(const std::string& source, const std::string& staged, bool recursive) {
    unstage_mount(staged); // what a crash left
    if (kind_of(source) == PathKind::directory)
        base::make_dir(staged, 0700);
    else
        base::write_file(staged, "");
    const unsigned long flags = recursive ? MS_BIND | MS_REC : MS_BIND;
    if (::mount(source.c_str(), staged.c_str(), nullptr, flags, nullptr) < 0) {
        const auto reason = std::error_code(errno, std::generic_category()).message();
        unstage_mount(staged);
        throw schema::failure("Failed mounting {:?} for a disk: {}", source, reason);
    }
    // What the container mounts below must not come back here, nor the other way round once it runs.
    ::mount(nullptr, staged.c_str(), nullptr, MS_PRIVATE | MS_REC, nullptr);
}

void HostDevices::unstage_mount(const std::string& staged) {
    while (::umount2(staged.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    }
    if (::rmdir(staged.c_str()) < 0 && errno == ENOTDIR) ::unlink(staged.c_str());
}

bool HostDevices::interface_exists(const std::string& name) {
    return network::link_exists(name);
}

int HostDevices::interface_mtu(const std::string& name) {
    const auto link = network::find_link(name);
    return link ? link->mtu : 0;
}

void HostDevices::create_veth(const devices::Veth& veth) {
    network::create_veth(veth.host_name, veth.peer, {.hwaddr = veth.hwaddr, .mtu = veth.mtu});
}

void HostDevices::add_to_bridge(const std::string& name, const std::string& bridge) {
    network::set_master(name, bridge);
}

void HostDevices::set_up(const std::string& name) {
    network::set_up(name);
}

void HostDevices::disable_ipv6(const std::string& name) {
    try {
        base::write_file("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6", "1");
    } catch (const std::system_error&) { // A kernel without IPv6 needs none of this.
    }
}

void HostDevices::remove_interface(const std::string& name) {
    network::remove_link(name);
}

void HostDevices::attach_interface(const std::string& instance, const std::string& name, const std::string& inside) {
    runtime_.attach_interface(instance, name, inside);
}

void HostDevices::attach_mount(const std::string& instance, const std::string& source, const std::string& target,
                               bool read_only, bool recursive, bool idmapped) {
    runtime_.attach_mount(instance, source, target, read_only, recursive, idmapped);
}

void HostDevices::detach_mount(const std::string& instance, const std::string& target) {
    runtime_.detach_mount(instance, target);
}

std::string HostDevices::random_hex(size_t digits) {
    return base::random_hex((digits + 1) / 2).substr(0, digits);
}

} // namespace instance
