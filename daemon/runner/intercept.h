#pragma once
// An intercepted system call, done for its caller: `lxd-runner intercept ID CALL ARGUMENT...`, what daemon/intercept
// asks a runner for. One process a call: it ends, or is killed, whatever the container's filesystems make it wait for.
//
// What the container says is never used with the host's rights: paths are opened by a child that has the caller's
// namespaces, root folder, ids and capabilities, and no more; what is done with the host's rights is done to the
// descriptors that it opened, and to nothing else.

#include <cstdint>

namespace runner {

/// Descriptors of the verb: /proc/PID of the caller, the listener that the call came from, its memory, and the pipe
/// that the answer is written to.
constexpr int intercept_caller_fd = 3;
constexpr int intercept_listener_fd = 4;
constexpr int intercept_memory_fd = 5;
constexpr int intercept_answer_fd = 6;

/// What is written; where there is nothing, the runner failed.
struct InterceptAnswer {
    int32_t error = 0; // a positive errno
    int32_t go_on = 0; // 1: let the kernel do the call after all
    int64_t value = 0; // what the call returns without an error
};

} // namespace runner
