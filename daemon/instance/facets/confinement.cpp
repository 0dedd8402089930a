#include <array>

#include "daemon/instance/apparmor_profile.h"
#include "daemon/instance/facets/list.h"
#include "daemon/instance/seccomp_policy.h"

namespace instance {

namespace {

/// Those that decide whether there is a policy at all, and whether it sends calls to the daemon; what it says is a file
/// of its own.
constexpr auto keys = std::to_array<std::string_view>({
    "security.syscalls.blacklist_default",
    "security.syscalls.deny_default",
    "security.syscalls.intercept.bpf",
    "security.syscalls.intercept.mknod",
    "security.syscalls.intercept.mount",
    "security.syscalls.intercept.sched_setscheduler",
    "security.syscalls.intercept.setxattr",
    "security.syscalls.intercept.sysinfo",
});

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
    // No item at all on a kernel without AppArmor: CRIU refuses to restore with one.
    if (auto label = apparmor_label(subject.paths, subject.name, facts.apparmor); !label.empty())
        items.push_back({"lxc.apparmor.profile", std::move(label)});
    add_seccomp(subject, facts, items);
    return items;
}

} // namespace

const Facet confinement_facet = {"confinement", keys, lxc_items};

} // namespace instance
