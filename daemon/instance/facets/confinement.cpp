#include <array>

#include "daemon/instance/facets/list.h"
#include "daemon/instance/seccomp_policy.h"
#include "schema/values.h"

namespace instance {

namespace {

/// Those that decide whether there is a policy at all; what it says is a file of its own.
constexpr auto keys =
    std::to_array<std::string_view>({"security.syscalls.blacklist_default", "security.syscalls.deny_default"});

/// Where systemd puts together what a service that it shields is to see (the second place since version 254), and its
/// credentials; such services fail where it cannot. In an unprivileged container the user namespace bounds what they
/// can be made to show; a privileged one, as in LXD, needs security.nesting for it.
constexpr std::array systemd_mounts = {
    "mount -> /run/systemd/unit-root/{,**},",
    "mount -> /run/systemd/mount-rootfs/{,**},",
    "mount fstype=ramfs -> /dev/shm/,",
};

/// No item at all on a kernel without AppArmor: CRIU refuses to restore with one.
void add_apparmor(const Subject& subject, const base::AppArmorFacts& apparmor, Items& items) {
    if (!apparmor.available) return;
    if (apparmor.confined || !apparmor.admin) {
        items.push_back({"lxc.apparmor.profile", apparmor.current});
        return;
    }
    items.push_back({"lxc.apparmor.profile", "generated"});
    if (!subject.id_map.empty()) {
        for (const auto* rule : systemd_mounts) items.push_back({"lxc.apparmor.raw", rule});
    }
    if (schema::is_true(schema::get(subject.config, "security.nesting"))) {
        items.push_back({"lxc.apparmor.allow_nesting", "1"});
    }
}

/// Calls that the policy sends to the daemon come with the instance's name, as the cookie.
void add_seccomp(const Subject& subject, const base::HostFacts& facts, Items& items) {
    if (!seccomp_policy(subject, facts)) return;
    items.push_back({"lxc.seccomp.profile", seccomp_policy_path(subject.paths, subject.name)});
    if (!wants_interception(subject, facts)) return;
    items.push_back({"lxc.seccomp.notify.proxy", "unix:" + subject.paths.seccomp_socket()});
    items.push_back({"lxc.seccomp.notify.cookie", subject.name});
}

Items lxc_items(const Subject& subject, const base::HostFacts& facts) {
    Items items;
    add_apparmor(subject, facts.apparmor, items);
    add_seccomp(subject, facts, items);
    return items;
}

} // namespace

const Facet confinement_facet = {"confinement", keys, lxc_items};

} // namespace instance
