#pragma once
// The cgroups of processes on any layout, as folders. Callers: the runner's verbs.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace runner {

struct Cgroup {
    bool unified = false; // of cgroup v2
    std::string mount;    // "/sys/fs/cgroup/memory"
    std::string path;     // below it: "/lxc.payload.c1"
};

/// `proc` is "/proc/self" or "/proc/17". Hierarchies that are not mounted here are left out.
std::vector<Cgroup> cgroups_of(const std::string& proc);

/// For every hierarchy in which this process is in a cgroup whose name begins with `prefix`: leaves it for lxc.pivot
/// beside it (or the one above) and removes it. Failures are ignored: what is left over is empty and harmless.
void leave_own_cgroups(std::string_view prefix);

/// Below a container's own cgroup v2: the place for all that is not init's. liblxc makes it with its first attach.
inline constexpr const char* cgroup_of_commands = "/.lxc";

/// The part of a path that ends in the cgroup which liblxc made for the container: "/lxc.payload.c1" of
/// "/lxc.payload.c1/init.scope", "/lxc.payload.c1-2" too. Empty where there is none.
std::string payload_of(std::string_view path, std::string_view container);

} // namespace runner
