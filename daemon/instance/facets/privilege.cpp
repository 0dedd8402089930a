#include <array>

#include <fmt/format.h>

#include "daemon/instance/facets/list.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 1> keys = {"security.privileged"};

/// What a privileged container may open: its own standard devices, and mknod of anything.
constexpr std::array<std::string_view, 13> allowed_devices = {
    "b *:* m",      // mknod of block devices
    "c *:* m",      // mknod of character devices
    "c 136:* rwm",  // /dev/pts
    "c 1:3 rwm",    // /dev/null
    "c 1:5 rwm",    // /dev/zero
    "c 1:7 rwm",    // /dev/full
    "c 1:8 rwm",    // /dev/random
    "c 1:9 rwm",    // /dev/urandom
    "c 5:0 rwm",    // /dev/tty
    "c 5:1 rwm",    // /dev/console
    "c 5:2 rwm",    // /dev/ptmx
    "c 10:229 rwm", // /dev/fuse
    "c 10:200 rwm", // /dev/net/tun
};

/// Capabilities whose use is not confined to a container. With stacked AppArmor profiles a container may have a policy
/// of its own.
std::string dropped_capabilities(const base::AppArmorFacts& apparmor) {
    std::string dropped = "sys_time sys_module sys_rawio";
    if (!apparmor.stacking || apparmor.stacked) dropped += " mac_admin mac_override";
    return dropped;
}

std::string automatic_mounts(bool owns_host, const base::CgroupFacts& cgroup) {
    const bool unified = cgroup.layout == base::CgroupLayout::v2 && cgroup.namespaces;
    return fmt::format("{} {}", owns_host ? "proc:mixed sys:mixed" : "proc:rw sys:rw",
                       unified ? "cgroup:rw:force" : "cgroup:mixed");
}

void add_shared_paths(bool owns_host, const base::HostFacts& facts, Items& items) {
    constexpr std::string_view queues = "/dev/mqueue";
    if (owns_host) items.push_back({"lxc.mount.entry", "mqueue dev/mqueue mqueue rw,relatime,create=dir,optional 0 0"});
    for (const auto path : base::shared_host_paths) {
        const auto found = facts.shared_paths.find(std::string(path));
        if (found == facts.shared_paths.end() || (owns_host && path == queues)) continue;
        const auto options = found->second ? "rbind,create=dir,optional" : "bind,create=file,optional";
        items.push_back({"lxc.mount.entry", fmt::format("{} {} none {} 0 0", path, path.substr(1), options)});
    }
}

void add_device_rules(int version, Items& items) {
    items.push_back(cgroup_item(version, "devices.deny", "a"));
    for (const auto rule : allowed_devices) {
        items.push_back(cgroup_item(version, "devices.allow", std::string(rule)));
    }
}

Items lxc_items(const Subject& subject, const base::HostFacts& facts) {
    Items items;
    const bool privileged = schema::is_true(schema::get(subject.config, "security.privileged"));
    // Root of the container is root of the host: not so where the daemon is in a user namespace itself.
    const bool owns_host = privileged && !facts.in_user_namespace;
    if (privileged) items.push_back({"lxc.cap.drop", dropped_capabilities(facts.apparmor)});
    items.push_back({"lxc.mount.auto", automatic_mounts(owns_host, facts.cgroup)});
    add_shared_paths(owns_host, facts, items);
    if (const auto version = facts.cgroup.version("devices"); owns_host && version != 0) {
        add_device_rules(version, items);
    }
    for (auto& item : id_map_items(subject.id_map)) items.push_back(std::move(item));
    return items;
}

} // namespace

const Facet privilege_facet = {"privilege", keys, lxc_items};

} // namespace instance
