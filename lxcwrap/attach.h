#pragma once
// Running a command inside a running container through liblxc's attach. Caller: the runner. Forks.

#include <string>
#include <vector>

#include <sys/types.h>

namespace lxcwrap {

class Container;

struct AttachedCommand {
    std::vector<std::string> argv;        // argv[0] is looked up in the new environment's PATH
    std::vector<std::string> environment; // "KEY=VALUE"; complete but for "container=lxc" and lxc.environment
    std::string cwd;                      // as the container sees it; "/" when it is not there
    uid_t uid = 0;
    gid_t gid = 0;
    int fds[3] = {0, 1, 2}; // a terminal at fds[0] becomes the controlling one when its number is above 0
    bool move = true;       // into the container's cgroups; else it stays in the caller's
    int gate = -1; // the command begins when a byte can be read from it, and not at all at its end; -1: at once
};

/// Starts the command and returns its pid; it is the caller's child, to be waited for. Exits with 127 when the program
/// is not there, 126 when it cannot be executed. Throws Error when the container cannot be entered.
pid_t attach(Container& container, const AttachedCommand& command);

} // namespace lxcwrap
