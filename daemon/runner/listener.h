#pragma once
// What becomes of commands while nobody takes a container's intercepted calls. Caller: attach.
//
// A monitor hands the calls over a connection to the daemon. One that finds the daemon away lets go of it, connects
// anew only with the next call, and until then refuses to take a command's listener: liblxc then loses the command.

#include <string>
#include <string_view>

#include <sys/types.h>

namespace runner {

/// Whether a monitor has its connection, which may be to a daemon that has ended: the next call mends that.
bool has_connection(pid_t monitor);

/// A seccomp policy (lxc.container.conf(5), version 2) without the rules that need a listener.
std::string without_listener(std::string_view policy);

/// From here on this process, and what it starts, sees the file as without_listener makes it.
void hide_listener(const std::string& policy_file);

} // namespace runner
