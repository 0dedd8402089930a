#pragma once
// Which containers run below one lxcpath. Caller: the runtime.

#include <string>
#include <vector>

namespace lxcwrap {

/// Names with a live command socket, sorted. Reads /proc/net/unix, so only those of the caller's network namespace.
std::vector<std::string> active_containers(const std::string& lxcpath);

} // namespace lxcwrap
