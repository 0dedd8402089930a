#pragma once
// The AppArmor profile of an instance, pure text, under the names that LXD gives to profile and policy namespace.
// daemon/instance/apparmor.cpp loads it; the confinement facet names it to liblxc.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/host_facts.h"
#include "daemon/state/paths.h"
#include "schema/config.h"

namespace instance {

/// What a profile is written for.
struct ProfileSubject {
    std::string name;             // the instance's
    schema::Config config;        // expanded
    bool privileged = false;      // no id map: its root is root of whoever runs the daemon
    bool user_namespaces = false; // kernel and parser know rules for making them
};

/// Whether the daemon gives its instances profiles of their own, rather than the one that it runs under itself.
bool makes_profiles(const base::AppArmorFacts& facts);
/// "lxd-c1_</var/lib/lxd>".
std::string apparmor_profile_name(const state::Paths& paths, const std::string& instance);
/// "lxd-c1_<var-lib-lxd>": the policy namespace that the instance gets where profiles can be stacked.
std::string apparmor_namespace(const state::Paths& paths, const std::string& instance);
bool has_apparmor_namespace(const base::AppArmorFacts& facts);
/// For lxc.apparmor.profile. Empty where the kernel has no AppArmor.
std::string apparmor_label(const state::Paths& paths, const std::string& instance, const base::AppArmorFacts& facts);
std::string apparmor_profile(const state::Paths& paths, const ProfileSubject& subject, const base::HostFacts& facts);

/// Globs that together match every path below `folder` ("/proc/sys/") but `kept` and what is below those. A kept name
/// may end with `*`. AppArmor has no other way to say "but".
std::vector<std::string> globs_but(std::string_view folder, std::span<const std::string_view> kept);

} // namespace instance
