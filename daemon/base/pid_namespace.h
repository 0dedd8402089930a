#pragma once
// Where a process runs, by its pid namespace: what the kernel says of a peer, which the peer cannot make up. The guest
// API knows its callers by it.

#include <cstdint>

#include <sys/types.h>

#include "daemon/base/fd.h"

namespace base {

/// A namespace's number; no other one that exists has it.
uint64_t namespace_id(const Fd& name_space);
/// The number of a process's pid namespace; 0 where the process has gone.
uint64_t pid_namespace_id(pid_t process);

/// The pid namespace of the process that connected a unix socket; of nested ones the outermost that is not ours.
/// Nothing where that process shares our namespace, has gone, or cannot be seen from here. As long as the descriptor is
/// kept, the namespace's number is not given to another one.
Fd peer_pid_namespace(int socket);

} // namespace base
