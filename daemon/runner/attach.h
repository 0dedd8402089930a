#pragma once
// Entering a container with a command. Caller: exec.

#include "lxcwrap/attach.h"
#include "lxcwrap/container.h"

namespace runner {

struct Attached {
    pid_t command;     // our child once the helper has ended, if there is one
    pid_t helper = -1; // our child, to be waited for before the command; it is about to end
};

/// As lxcwrap::attach, in less time where the container's cgroups are where they usually are. The kernel lets a process
/// be put into a cgroup by another only after a grace period of RCU, milliseconds; a thread that moves itself (v1), or
/// is born there (v2), waits for nothing. So the attaching is done by a child that is in them already, and the command
/// inherits them.
Attached attach(lxcwrap::Container& container, const std::string& name, const lxcwrap::AttachedCommand& command);

} // namespace runner
