#pragma once
// Descriptors sent over unix sockets (SCM_RIGHTS, unix(7)). Callers: the daemon and its runners, to one another.

#include <string_view>
#include <vector>

#include <sys/types.h>

#include "daemon/base/fd.h"

namespace base {

constexpr size_t most_passed_fds = 16;

/// As sendmsg: the bytes sent, or -1 with errno; a closed socket is no signal. `data` must not be empty; at most
/// most_passed_fds, which stay the caller's.
ssize_t send_with_fds(int socket, std::string_view data, const std::vector<int>& fds);

/// As recvmsg with these flags, tried again where a signal came between: the bytes received, 0 at the end, or -1 with
/// errno. All descriptors that came are added to `fds`.
ssize_t receive_with_fds(int socket, char* data, size_t size, std::vector<Fd>& fds, int flags = 0);

} // namespace base
