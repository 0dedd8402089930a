#pragma once
// Pseudo-terminals for interactive exec and the console; those of exec are opened in the container's own devpts, so
// that `tty` works inside.

#include <sys/types.h>

#include "daemon/base/fd.h"

namespace instance {

struct Terminal {
    base::Fd master; // non-blocking; the daemon's end
    base::Fd slave;  // the command's end, owned by the container's root
};

/// Falls back to the host's devpts where the container has none. Throws std::system_error.
Terminal open_terminal(pid_t init_pid);
void resize_terminal(int master, int width, int height);
/// The terminal that is the container's /dev/console; nothing happens where that is none.
void resize_console(pid_t init_pid, int width, int height);

} // namespace instance
