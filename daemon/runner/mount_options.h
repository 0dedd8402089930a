#pragma once
// The flags and the data of mount(2), as the newer calls and as programs take them. Pure. Callers: the intercepted
// mounts.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace runner {

/// {name, value}; without a value a flag. For fsconfig(2), from the flags and the comma-separated data.
std::vector<std::pair<std::string, std::string>> filesystem_options(uint64_t flags, const std::string& data);
/// MOUNT_ATTR_* for fsmount(2).
uint64_t mount_attributes(uint64_t flags);
/// Flags and data for `-o` of a program; empty where there is nothing to say.
std::string option_text(uint64_t flags, const std::string& data);

/// The data for hugetlbfs: uid= and gid= as the host counts, those of the caller where they are missing. `uid_map` and
/// `gid_map` are lines of /proc/PID/uid_map. Nothing is changed where an id has no place on the host.
std::string hugetlbfs_data(const std::string& data, const std::string& uid_map, const std::string& gid_map,
                           uint32_t uid, uint32_t gid);

} // namespace runner
