#include <algorithm>

#include <fmt/format.h>

#include "daemon/devices/types.h"
#include "schema/error.h"
#include "schema/values.h"

namespace devices {

namespace {

/// A path as a field of lxc.mount.entry, where blanks are written as in fstab.
std::string mount_field(std::string_view path) {
    std::string field;
    for (const char c : path) {
        if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
            field += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
        } else {
            field += c;
        }
    }
    return field;
}

std::string_view without_leading_slashes(std::string_view path) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    return path;
}

/// LXD's name for it: "/mnt/a-b" of the device d -> disk.d.mnt-a--b.
std::string staged_path(const Owner& owner, const std::string& device, std::string_view path) {
    std::string encoded;
    for (const char c : fmt::format("disk.{}.{}", device, without_leading_slashes(path))) {
        if (c == '-') encoded += "--";
        if (c == '/') encoded += '-';
        if (c != '-' && c != '/') encoded += c;
    }
    return owner.devices_path + "/" + encoded;
}

/// A file of sysfs or proc that this kernel lacks: nobody can make it, and what is to be hidden by a device (the docker
/// profile does so with AppArmor's switch) is not there in the first place.
bool is_absent_kernel_file(const std::string& path, DeviceHost& host) {
    return (path.starts_with("/sys/") || path.starts_with("/proc/")) && host.kind_of(path) == PathKind::missing;
}

bool leads_up(std::string_view path) {
    const auto parts = schema::split(path, '/');
    return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

} // namespace

bool Disk::is_root() const {
    return option("path") == "/";
}

bool Disk::is_required() const {
    return !schema::is_false(option("required")) && !schema::is_true(option("optional"));
}

bool Disk::is_missing(DeviceHost& host) const {
    return host.kind_of(option("source")) == PathKind::missing;
}

void Disk::check() const {
    Device::check();
    const auto fail_if = [](bool wrong, std::string_view text) {
        if (wrong) throw schema::bad_request("{}", text);
    };
    const auto& source = option("source");
    const auto& pool = option("pool");
    fail_if(!option("required").empty() && !option("optional").empty(),
            R"(Cannot use both "required" and deprecated "optional" properties at the same time)");
    fail_if(option("path").empty() || (source.empty() && !is_root()),
            R"(Disk entry is missing the required "source" or "path" property)");
    fail_if(is_root() && !source.empty(), R"(Root disk entry may not have a "source" property set)");
    fail_if(is_root() && pool.empty(), R"(Root disk entry must have a "pool" property set)");
    fail_if(is_root() && !option("recursive").empty(),
            "The recursive option is only supported for additional bind-mounted paths");
    fail_if(schema::is_true(option("recursive")) && schema::is_true(option("readonly")),
            "Recursive read-only bind-mounts aren't currently supported by the kernel");
    fail_if(leads_up(option("path")), R"(Invalid value for device option "path": Cannot contain "..")");
    if (pool.empty()) {
        fail_if(!source.starts_with('/'), "Source path must be absolute for local sources");
        return;
    }
    fail_if(
        !option("shift").empty(),
        R"(The "shift" property cannot be used with custom storage volumes (set "security.shifted=true" on the volume )"
        "instead)");
    fail_if(source.starts_with('/'), "Storage volumes cannot be specified as absolute paths");
    fail_if(!is_root(), "Failed loading custom volume: Storage volume not found");
}

void Disk::check_host(const Owner&, DeviceHost& host) const {
    if (is_root()) return;
    if (is_required() && is_missing(host)) {
        throw schema::bad_request("Missing source path {} for disk {}", schema::quoted(option("source")),
                                  schema::quoted(name()));
    }
    if (host.kind_of(option("source")) == PathKind::block_device) {
        throw schema::bad_request("Source path {} for disk {} is a block device, which is not supported",
                                  schema::quoted(option("source")), schema::quoted(name()));
    }
}

Start Disk::start_root(const Owner& owner) const {
    Start start;
    start.items.push_back({"lxc.rootfs.path", "dir:" + owner.rootfs});
    std::string options = owner.idmapped_rootfs ? "idmap=container" : "";
    if (schema::is_true(option("readonly"))) options += options.empty() ? "ro" : ",ro";
    if (!options.empty()) start.items.push_back({"lxc.rootfs.options", options});
    return start;
}

std::string Disk::mount_options(const Owner& owner, PathKind kind) const {
    std::string options = schema::is_true(option("readonly")) ? "ro," : "";
    options += schema::is_true(option("recursive")) ? "rbind" : "bind";
    if (!option("propagation").empty()) options += "," + option("propagation");
    options += kind == PathKind::directory ? ",create=dir" : ",create=file";
    if (schema::is_true(option("shift")) && !owner.privileged()) options += ",idmap=container";
    return options;
}

Start Disk::start(const Owner& owner, DeviceHost& host, int) const {
    if (is_root()) return start_root(owner);
    check_host(owner, host);
    const auto kind = host.kind_of(option("source"));
    if (kind == PathKind::missing || is_absent_kernel_file(option("path"), host)) return {};

    Start start;
    auto source = option("source");
    if (!owner.privileged()) {
        const auto staged = staged_path(owner, name(), option("path"));
        host.stage_mount(source, staged, schema::is_true(option("recursive")));
        start.after_start = [&host, staged] { host.unstage_mount(staged); };
        source = staged;
    }
    start.items.push_back({"lxc.mount.entry", fmt::format("{} {} none {} 0 0", mount_field(source),
                                                          mount_field(without_leading_slashes(option("path"))),
                                                          mount_options(owner, kind))});
    return start;
}

schema::Config Disk::attach(const Owner& owner, DeviceHost& host) const {
    // A root disk is in use already; what changed of it counts from the next start.
    if (is_root()) return {};
    check_host(owner, host);
    if (is_missing(host) || is_absent_kernel_file(option("path"), host)) return {};
    if (!option("propagation").empty()) {
        throw schema::bad_request("The propagation of disk {} can only be set while the instance is stopped",
                                  schema::quoted(name()));
    }
    host.attach_mount(owner.instance, option("source"), option("path"), schema::is_true(option("readonly")),
                      schema::is_true(option("recursive")), schema::is_true(option("shift")) && !owner.privileged());
    return {};
}

schema::Config Disk::detach(const Owner& owner, DeviceHost& host) const {
    if (!is_root() && !is_absent_kernel_file(option("path"), host)) host.detach_mount(owner.instance, option("path"));
    return {};
}

schema::Config Disk::stopped(const Owner& owner, DeviceHost& host) const {
    // Only a daemon that ended in the middle of a start leaves one.
    if (!is_root()) host.unstage_mount(staged_path(owner, name(), option("path")));
    return {};
}

} // namespace devices
