#pragma once
// Getting out of a cgroup that liblxc put this process into. Caller: start.

#include <string_view>

namespace runner {

/// For every hierarchy in which this process is in a cgroup whose name begins with `prefix`: leaves it for lxc.pivot
/// beside it (or the one above) and removes it. Failures are ignored: what is left over is empty and harmless.
void leave_own_cgroups(std::string_view prefix);

} // namespace runner
