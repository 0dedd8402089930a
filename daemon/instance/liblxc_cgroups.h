#pragma once
// What liblxc leaves of a container's cgroups. It removes them when the container ends, but gives up where a process is
// in one, as a command is that was on its way into the container. Caller: the liblxc runtime.

#include <string>
#include <vector>

#include <sys/types.h>

namespace instance {

/// The folders of the cgroups that liblxc made for a container, told by its init: one a hierarchy. Empty where init has
/// gone.
std::vector<std::string> cgroup_folders(const std::string& container, pid_t init);

/// The folders' names where no other container had them first.
std::vector<std::string> usual_cgroup_folders(const std::string& container);

/// Removes them with all below them, as far as nobody is in them. False where somebody is.
bool remove_empty_cgroups(const std::vector<std::string>& folders);

/// Kills who is in them, waits for their end and removes them. They must be a dead container's.
void end_cgroups(const std::vector<std::string>& folders);

} // namespace instance
