#pragma once
// Who started a process. Callers: instance, runner; of a container's first process it is the monitor.

#include <sys/types.h>

namespace base {

/// 0 where the process has gone.
pid_t parent_of(pid_t pid);

} // namespace base
