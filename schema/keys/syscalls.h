#pragma once
// What security.syscalls.* say together: each has an older name, some exclude one another, and the filesystems to mount
// are told by two of them. Read by the check of a configuration, the seccomp policy and the interception of calls.

#include <map>
#include <string>
#include <string_view>

#include "schema/config.h"

namespace schema {

/// The value under either name ("deny" also as "blacklist"), the newer first; empty where neither is set.
const std::string& syscall_key(const Config& config, std::string_view name);

/// {filesystem -> FUSE program to mount it with; empty: the kernel mounts it}, from
/// security.syscalls.intercept.mount.*. Throws bad_request with LXD's texts.
std::map<std::string, std::string> mountable_filesystems(const Config& config);

/// Throws bad_request with LXD's text for keys that exclude one another.
void check_syscall_keys(const Config& config);

} // namespace schema
