#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "daemon/base/rollback.h"
#include "daemon/devices/node_files.h"
#include "daemon/devices/types.h"
#include "daemon/devices/volume_host.h"
#include "schema/error.h"
#include "schema/values.h"

namespace devices {

namespace {

/// LXD's name for it: "/mnt/a-b" of the device d -> disk.d.mnt-a--b.
std::string staged_path(const Owner& owner, const std::string& device, std::string_view path) {
    return owner.devices_path + "/" + encoded_path(fmt::format("disk.{}.{}", device, relative(path)));
}

/// Where it is mounted and unmounted while the instance runs: "/a//b/." as "/a/b".
std::string plain_path(const std::string& path) {
    auto plain = std::filesystem::path(path).lexically_normal().string();
    while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
    return plain;
}

/// A file of sysfs or proc that this kernel lacks: nobody can make it, and what is to be hidden by a device (the docker
/// profile does so with AppArmor's switch) is not there in the first place.
bool is_absent_kernel_file(const std::string& path, DeviceHost& host) {
    return (path.starts_with("/sys/") || path.starts_with("/proc/")) && host.kind_of(path) == PathKind::missing;
}

/// raw.mount.options as words.
std::vector<std::string> words_of(const std::string& options) {
    std::vector<std::string> words;
    for (const auto part : schema::split(options, ','))
        if (const auto word = schema::stripped(part); !word.empty()) words.emplace_back(word);
    return words;
}

/// What a bind mount takes of raw.mount.options: the rest is for filesystems.
bool is_mount_option(std::string_view word) {
    constexpr std::array<std::string_view, 8> known = {"ro",         "nosuid",   "nodev",   "noexec",
                                                       "nodiratime", "relatime", "noatime", "strictatime"};
    return std::ranges::find(known, word) != known.end();
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
    return std::ranges::any_of(prefixes, [text](std::string_view prefix) { return text.starts_with(prefix); });
}

constexpr std::string_view cloud_init_source = "cloud-init:config";

} // namespace

bool Disk::is_root() const {
    return option("path") == "/";
}

bool Disk::is_required() const {
    return !schema::is_false(option("required")) && !schema::is_true(option("optional"));
}

bool Disk::is_missing(DeviceHost& host) const {
    return !is_volume() && host.kind_of(option("source")) == PathKind::missing;
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
    fail_if(!is_root() && !option("size").empty(), "Only the root disk may have a size quota");
    fail_if(!is_root() && !option("size.state").empty(), "Only the root disk may have a migration size quota");
    fail_if(is_root() && !option("recursive").empty(),
            "The recursive option is only supported for additional bind-mounted paths");
    fail_if(schema::is_true(option("recursive")) && schema::is_true(option("readonly")),
            "Recursive read-only bind-mounts aren't currently supported by the kernel");
    fail_if(starts_with_any(source, {"ceph:", "cephfs:"}), "Ceph and CephFS sources are not supported");
    if (!option("ceph.cluster_name").empty() || !option("ceph.user_name").empty())
        throw schema::bad_request("Invalid options ceph.cluster_name/ceph.user_name for source {}",
                                  schema::quoted(source));
    fail_if(!is_root() && plain_path(option("path")) == "/",
            R"(Invalid value for device option "path": The root is the root disk's)");
    fail_if(leads_up(option("path")), R"(Invalid value for device option "path": Cannot contain "..")");
    if (pool.empty()) {
        fail_if(source != cloud_init_source && !source.starts_with('/'),
                "Source path must be absolute for local sources");
        return;
    }
    fail_if(
        !option("shift").empty(),
        R"(The "shift" property cannot be used with custom storage volumes (set "security.shifted=true" on the volume )"
        "instead)");
    fail_if(source.starts_with('/'), "Storage volumes cannot be specified as absolute paths");
}

void Disk::check_host(const Owner&, DeviceHost& host) const {
    if (is_root()) return;
    if (is_volume()) return host.volumes().check(option("pool"), option("source"));
    if (is_required() && option("source") != cloud_init_source && is_missing(host)) {
        throw schema::bad_request("Missing source path {} for disk {}", schema::quoted(option("source")),
                                  schema::quoted(name()));
    }
    if (!option("recursive").empty() && host.kind_of(option("source")) != PathKind::directory)
        throw schema::bad_request("The recursive option is only supported for additional bind-mounted paths");
}

Start Disk::start_root(const Owner& owner) const {
    Start start;
    start.items.push_back({"lxc.rootfs.path", "dir:" + owner.rootfs});
    std::string options = owner.idmapped_rootfs ? "idmap=container" : "";
    if (schema::is_true(option("readonly"))) options += options.empty() ? "ro" : ",ro";
    if (!options.empty()) start.items.push_back({"lxc.rootfs.options", options});
    return start;
}

std::string Disk::mount_options(const Source& source) const {
    std::string options = schema::is_true(option("readonly")) ? "ro," : "";
    options += schema::is_true(option("recursive")) ? "rbind" : "bind";
    if (!option("propagation").empty()) options += "," + option("propagation");
    const bool folder = source.kind == PathKind::directory || source.kind == PathKind::block_device;
    return options + (folder ? ",create=dir" : ",create=file");
}

Disk::Source Disk::source(const Owner& owner, DeviceHost& host) const {
    if (is_volume()) {
        const auto use = host.volumes().use(option("pool"), option("source"), {owner.instance, name(), owner.id_map});
        return {use.path, PathKind::directory, use.idmapped};
    }
    return {option("source"), host.kind_of(option("source")), schema::is_true(option("shift")) && !owner.privileged()};
}

void Disk::release(const Owner& owner, DeviceHost& host) const {
    if (is_volume()) host.volumes().release(option("pool"), option("source"), {owner.instance, name(), {}});
}

void Disk::stage(DeviceHost& host, const Source& source, const std::string& staged) const {
    auto options = option("raw.mount.options");
    if (schema::is_true(option("readonly"))) options += options.empty() ? "ro" : ",ro";
    if (source.kind == PathKind::block_device)
        host.stage_disk(source.path, staged, options);
    else
        host.stage_mount(source.path, staged, schema::is_true(option("recursive")), options);
}

void Disk::check_kind(const Owner& owner, DeviceHost& host) const {
    if (option("source") == cloud_init_source)
        throw schema::bad_request("disks with source={} are only supported by virtual machines", cloud_init_source);
    const auto& source = option("source");
    const bool shifts = schema::is_true(option("shift")) && !owner.privileged();
    if (shifts && host.kind_of(source) == PathKind::directory && !host.can_map_ids(source))
        throw schema::bad_request("Required idmapping abilities not available");
}

Start Disk::start(const Owner& owner, DeviceHost& host, int) const {
    if (is_root()) return start_root(owner);
    check_kind(owner, host);
    check_host(owner, host);
    if (is_missing(host) || is_absent_kernel_file(option("path"), host)) return {};

    // Staged for every container: the root of an unprivileged one may not reach the source, and liblxc leaves the
    // options of a bind mount out.
    Start start;
    const auto staged = staged_path(owner, name(), option("path"));
    base::Rollback rollback;
    rollback.add([&] { release(owner, host); });
    const auto from = source(owner, host);
    stage(host, from, staged);
    rollback.add([&] { host.unstage_mount(staged); });
    if (from.idmapped && !owner.privileged())
        host.map_staged(staged, schema::is_true(option("recursive")), owner.id_map);
    start.after_start = [&host, staged] { host.unstage_mount(staged); };
    start.items.push_back({"lxc.mount.entry", fmt::format("{} {} none {} 0 0", mount_field(staged),
                                                          mount_field(relative(option("path"))), mount_options(from))});
    rollback.dismiss();
    return start;
}

schema::Config Disk::attach(const Owner& owner, DeviceHost& host) const {
    // A root disk is in use already; what changed of it counts from the next start.
    if (is_root()) return {};
    check_kind(owner, host);
    check_host(owner, host);
    if (is_missing(host) || is_absent_kernel_file(option("path"), host)) return {};
    base::Rollback rollback;
    rollback.add([&] { release(owner, host); });
    auto from = source(owner, host);
    MountOrder order;
    order.source = from.path;
    order.target = plain_path(option("path"));
    order.read_only = schema::is_true(option("readonly"));
    order.recursive = schema::is_true(option("recursive"));
    order.idmapped = from.idmapped;
    order.propagation = option("propagation");
    for (auto& word : words_of(option("raw.mount.options")))
        if (is_mount_option(word)) order.options.push_back(std::move(word));
    base::Rollback staging;
    if (from.kind == PathKind::block_device) {
        order.source = staged_path(owner, name(), option("path"));
        staging.add([&] { host.unstage_mount(order.source); });
        stage(host, from, order.source);
    }
    host.attach_mount(owner.instance, order);
    rollback.dismiss();
    return {};
}

schema::Config Disk::detach(const Owner& owner, DeviceHost& host) const {
    if (is_root() || is_absent_kernel_file(option("path"), host)) return {};
    host.detach_mount(owner.instance, plain_path(option("path")));
    release(owner, host);
    return {};
}

schema::Config Disk::stopped(const Owner& owner, DeviceHost& host) const {
    // Only a daemon that ended in the middle of a start leaves one.
    if (!is_root()) host.unstage_mount(staged_path(owner, name(), option("path")));
    release(owner, host);
    return {};
}

void Disk::resume(const Owner& owner, DeviceHost& host) const {
    if (is_volume()) source(owner, host);
}

} // namespace devices
