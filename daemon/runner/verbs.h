#pragma once
// The verbs of lxd-runner. Each takes the arguments after its name and returns the exit code of the program; a thrown
// exception is printed on standard error and becomes exit code 1. Callers: main, by a table.

#include <string>
#include <vector>

namespace runner {

using Arguments = std::vector<std::string>;

/// NAME LXCPATH CONF LOG: starts the container and prints "MONITOR-PID INIT-PID". On failure prints the ERROR lines of
/// its log and returns 1 when the monitor is gone.
int start(const Arguments& arguments);

/// NAME LXCPATH CONF: runs a command inside; see exec_request.h.
int exec(const Arguments& arguments);

/// FILE ...: liblxc's post-stop hook. Writes LXC_TARGET into FILE and fails for a reboot, which makes liblxc stop.
int stop_hook(const Arguments& arguments);

} // namespace runner
