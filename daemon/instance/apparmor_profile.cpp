#include "daemon/instance/apparmor_profile.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "daemon/base/crypto.h"
#include "schema/values.h"

namespace instance {

namespace {

/// Longer ones are refused by the parser.
constexpr size_t longest_name = 253;

std::string policy_name(const std::string& instance, std::string_view place) {
    auto name = fmt::format("{}_<{}>", instance, place);
    if (name.size() + 4 >= longest_name) name = base::sha256(name);
    return "lxd-" + name;
}

/// The letters that the kept paths begin with, then those that follow each ...
struct Letters {
    std::map<char, Letters> next;
    bool ends = false;     // a kept path is complete here
    bool any_rest = false; // and so is whatever begins with it
};

void collect(const Letters& node, const std::string& text, std::vector<std::string>& globs) {
    if (node.any_rest) return;
    if (node.ends) return globs.push_back(text + "?*{,/**}");
    std::string letters;
    for (const auto& [letter, rest] : node.next) letters += letter;
    // In the middle of a name: what is called just that is not kept either, unless the kept path is below it.
    const bool whole = text.ends_with('/') || letters.find('/') != std::string::npos;
    globs.push_back(fmt::format(fmt::runtime(whole ? "{}[^{}]*{{,/**}}" : "{}{{,[^{}]*}}{{,/**}}"), text, letters));
    for (const auto& [letter, rest] : node.next) collect(rest, text + letter, globs);
}

void add_lines(std::string& text, std::string_view comment, std::span<const std::string_view> rules) {
    text += fmt::format("\n  # {}\n", comment);
    for (const auto rule : rules) text += fmt::format("  {},\n", rule);
}

using Rules = std::vector<std::string_view>;

const Rules everyday = {
    "capability",
    "dbus",
    "file",
    "network",
    "umount",
    "unix (receive)",
    "unix peer=(label=@{profile_name})",
    "signal (receive)",
    "signal peer=@{profile_name}",
    "ptrace (readby, tracedby)",
    "ptrace peer=@{profile_name}",
};

/// Those whose content the kernel keeps apart for each container, or that show nothing that the rules below leave open.
const Rules filesystems = {
    "mount fstype={ramfs,tmpfs,hugetlbfs,mqueue}",
    "mount fstype={fuse,fuse.*}",
    "mount fstype=fusectl -> /sys/fs/fuse/connections/",
    "mount fstype=proc -> /proc/",
    "mount fstype=sysfs -> /sys/",
    "mount fstype=binfmt_misc -> /proc/sys/fs/binfmt_misc/",
    "mount fstype=configfs -> /sys/kernel/config/",
    "mount fstype=debugfs -> /sys/kernel/debug/",
    "mount fstype=tracefs -> /sys/kernel/tracing/",
    "mount fstype=securityfs -> /sys/kernel/security/",
    "mount fstype=efivarfs -> /sys/firmware/efi/efivars/",
};

const Rules cgroup_filesystems = {
    "mount fstype={cgroup,cgroup2} -> /sys/fs/cgroup/{,**}",
};

const Rules root_propagation = {
    "mount options=(slave) -> /",      "mount options=(rslave) -> /",      "mount options=(shared) -> /",
    "mount options=(rshared) -> /",    "mount options=(private) -> /",     "mount options=(rprivate) -> /",
    "mount options=(unbindable) -> /", "mount options=(runbindable) -> /",
};

/// A second view of /proc or /sys would be one that the paths below do not name. Parsers before 3.0.13 take a rule with
/// any further option, such as rw, for leave to mount every filesystem with the rest of the options: none here has one,
/// and there is none for a remount.
const Rules open_mounts = {
    "mount options=(bind) @{lxd_open}",
    "mount options=(move) @{lxd_open}",
    "mount options=(rbind) @{lxd_whole}",
};

/// Said aloud by every systemd and never needed: not worth a line in the host's log.
const Rules unheard = {
    "deny mount options=(ro,remount) -> /",
    "deny mount options=(ro,remount,silent) -> /",
};

const Rules of_the_host = {
    "deny /proc/acpi/** rwklx",
    "deny /proc/bus/** wklx",
    "deny /proc/kcore rwklx",
    "deny /proc/sysrq-trigger rwklx",
    "deny /proc/sys/fs/** wklx",
    "deny /proc/sys/fs/binfmt_misc/{,**} rwklx",
    "deny /sys/firmware/efi/efivars/{,**} rwklx",
    "deny /sys/fs/cgroup/**/release_agent wklx",
    "deny /sys/kernel/config/{,**} rwklx",
    "deny /sys/kernel/debug/{,**} rwklx",
    "deny /sys/kernel/tracing/{,**} rwklx",
};

constexpr std::array<std::string_view, 3> never_moved = {"dev/.lxc", "proc", "sys"};
constexpr std::array<std::string_view, 3> never_whole = {"dev", "proc", "sys"};
constexpr std::array<std::string_view, 6> own_settings = {"kernel/domainname", "kernel/hostname", "kernel/msg*",
                                                          "kernel/sem*",       "kernel/shm*",     "net"};
constexpr std::array<std::string_view, 5> own_sysfs = {"class/net", "devices/virtual/net", "fs/bpf", "fs/cgroup",
                                                       "kernel/security/apparmor"};

/// The user namespace bounds what a mount can be made to show.
const Rules unprivileged_mounts = {
    "pivot_root",
    "mount options=(slave) -> **",
    "mount options=(rslave) -> **",
    "mount options=(shared) -> **",
    "mount options=(rshared) -> **",
    "mount options=(private) -> **",
    "mount options=(rprivate) -> **",
    "mount options=(unbindable) -> **",
    "mount options=(runbindable) -> **",
    "mount options=(bind) /{,**} -> /{,**}",
    "mount options=(rbind) /{,**} -> /{,**}",
    "mount options=(move) /{,**} -> /{,**}",
    "mount options=(remount) options in (ro,bind,nodev,noexec,nosuid,noatime,nodiratime,relatime,strictatime)",
};

/// Where systemd puts together what a service that it shields is to see (the second place since version 254), and its
/// credentials; such services fail where it cannot. A privileged container needs security.nesting for it, as in LXD.
const Rules systemd_mounts = {
    "mount -> /run/systemd/unit-root/{,**}",
    "mount -> /run/systemd/mount-rootfs/{,**}",
    "mount fstype=ramfs -> /dev/shm/",
};

const Rules nesting = {
    "pivot_root", "ptrace", "signal", "mount", "deny /dev/.lxc/proc/** rw", "deny /dev/.lxc/sys/** rw",
};

void add_denied(std::string& text, std::string_view folder, std::span<const std::string_view> kept) {
    for (const auto& glob : globs_but(folder, kept)) text += fmt::format("  deny {} wklx,\n", glob);
}

void add_variable(std::string& text, std::string_view name, std::span<const std::string_view> kept) {
    text += fmt::format("@{{{}}} = {}\n", name, fmt::join(globs_but("/", kept), " "));
}

void add_nesting(std::string& text, const std::string& name, const std::string& space) {
    add_lines(text, "security.nesting", nesting);
    if (space.empty()) text += fmt::format("  change_profile -> \"{}\",\n", name);
}

void add_raw(std::string& text, std::string_view raw) {
    text += "\n  # raw.apparmor\n";
    while (raw.ends_with('\n')) raw.remove_suffix(1);
    while (raw.starts_with('\n')) raw.remove_prefix(1);
    for (size_t at = 0; at <= raw.size();) {
        const auto end = std::min(raw.find('\n', at), raw.size());
        text += fmt::format("  {}\n", raw.substr(at, end - at));
        at = end + 1;
    }
}

} // namespace

std::vector<std::string> globs_but(std::string_view folder, std::span<const std::string_view> kept) {
    Letters root;
    for (auto path : kept) {
        const bool any_rest = path.ends_with('*');
        if (any_rest) path.remove_suffix(1);
        auto* node = &root;
        for (const char letter : path) node = &node->next[letter];
        node->ends = true;
        node->any_rest = any_rest;
    }
    std::vector<std::string> globs;
    collect(root, std::string(folder), globs);
    return globs;
}

bool makes_profiles(const base::AppArmorFacts& facts) {
    return facts.available && facts.admin && !facts.confined;
}

bool has_apparmor_namespace(const base::AppArmorFacts& facts) {
    return makes_profiles(facts) && facts.stacking && !facts.stacked;
}

std::string apparmor_profile_name(const state::Paths& paths, const std::string& instance) {
    return policy_name(instance, paths.var);
}

std::string apparmor_namespace(const state::Paths& paths, const std::string& instance) {
    // As the profile's, where a namespace's name can have no slash.
    auto place = paths.var.substr(std::min(paths.var.find_first_not_of('/'), paths.var.size()));
    std::replace(place.begin(), place.end(), '/', '-');
    return policy_name(instance, place);
}

std::string apparmor_label(const state::Paths& paths, const std::string& instance, const base::AppArmorFacts& facts) {
    if (!facts.available) return {};
    if (!makes_profiles(facts)) return facts.current;
    auto name = apparmor_profile_name(paths, instance);
    if (!has_apparmor_namespace(facts)) return name;
    return fmt::format("{}//&:{}:", name, apparmor_namespace(paths, instance));
}

std::string apparmor_profile(const state::Paths& paths, const ProfileSubject& subject, const base::HostFacts& facts) {
    const auto name = apparmor_profile_name(paths, subject.name);
    const auto space = has_apparmor_namespace(facts.apparmor) ? apparmor_namespace(paths, subject.name) : std::string();
    std::string text = "include <tunables/global>\n";
    add_variable(text, "lxd_open", never_moved);
    add_variable(text, "lxd_whole", never_whole);
    text += fmt::format("\nprofile \"{}\" flags=(attach_disconnected,mediate_deleted) {{", name);
    add_lines(text, "What is the container's own.", everyday);
    if (subject.user_namespaces) text += "  userns,\n";
    add_lines(text, "Filesystems.", filesystems);
    if (facts.cgroup.namespaces) add_lines(text, "A cgroup namespace shows its own tree.", cgroup_filesystems);
    add_lines(text, "What is mounted, elsewhere: not /proc, /sys and what nested containers have of them.",
              open_mounts);
    add_lines(text, "The propagation of all mounts.", root_propagation);
    add_lines(text, "Not logged.", unheard);
    add_lines(text, "The host's.", of_the_host);
    text += "\n  # Settings that are not the container's own.\n";
    add_denied(text, "/proc/sys/", own_settings);
    const std::span own = own_sysfs;
    add_denied(text, "/sys/", space.empty() ? own.first(own.size() - 1) : own);
    if (!space.empty()) {
        text += "\n  # A policy of its own.\n";
        text += fmt::format("  change_profile -> \":{0}:*\",\n  change_profile -> \":{0}://*\",\n", space);
    }
    if (schema::is_true(schema::get(subject.config, "security.nesting"))) add_nesting(text, name, space);
    if (!subject.privileged) {
        add_lines(text, "Without privileges.", unprivileged_mounts);
        add_lines(text, "What systemd shields services with.", systemd_mounts);
    }
    if (const auto& raw = schema::get(subject.config, "raw.apparmor"); !raw.empty()) add_raw(text, raw);
    return text + "}\n";
}

} // namespace instance
