#pragma once
// The console of a running container and the ring buffer that keeps what was written to it. Caller: the runtime's
// liblxc form. Everything is asked of the monitor over its command socket: nothing forks.

#include <string>

namespace lxcwrap {

class Container;

struct Console {
    int allocation = -1; // the console is ours, and nobody else's, until this is closed
    int terminal = -1;   // the master's end
};

/// Both descriptors are the caller's to close. Throws Error when nothing runs or somebody else has the console.
Console open_console(Container& container);
/// What the ring buffer holds. Empty where there is nothing.
std::string console_log(Container& container);
/// Empties the ring buffer and the file.
void clear_console_log(Container& container);

} // namespace lxcwrap
