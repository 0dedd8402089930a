#include "daemon/runner/intercept.h"

#include <array>
#include <cerrno>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

#include "daemon/runner/intercepted_calls.h"

namespace runner {

namespace {

struct Call {
    std::string_view name;
    int64_t (*run)(const Caller&, const Arguments&);
};
constexpr std::array calls = {
    Call{"mknod", intercepted_mknod},
    Call{"setxattr", intercepted_setxattr},
    Call{"mount", intercepted_mount},
    Call{"mount-fuse", intercepted_mount_fuse},
    Call{"sched_setscheduler", intercepted_sched_setscheduler},
    Call{"sysinfo", intercepted_sysinfo},
};

int64_t run(uint64_t notification, const std::string& name, const Arguments& arguments) {
    const auto caller = find_caller(notification);
    if (name == "bpf") return intercepted_bpf(caller, arguments, notification);
    for (const auto& call : calls)
        if (call.name == name) return call.run(caller, arguments);
    throw std::invalid_argument("intercept: no call " + name);
}

} // namespace

int64_t number_of(const std::string& argument) {
    return std::stoll(argument);
}

int intercept(const Arguments& arguments) {
    if (arguments.size() < 2) throw std::invalid_argument("intercept: expected ID CALL ARGUMENT...");
    // Nothing of ours goes on in a program of the container's (mount.fuse).
    for (const int fd : {intercept_caller_fd, intercept_listener_fd, intercept_memory_fd, intercept_answer_fd})
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    InterceptAnswer answer;
    try {
        answer.value = run(std::stoull(arguments[0]), arguments[1], {arguments.begin() + 2, arguments.end()});
    } catch (const GoOn&) {
        answer.go_on = 1;
    } catch (const CallError& error) {
        answer.error = error.number;
    }
    return ::write(intercept_answer_fd, &answer, sizeof answer) == sizeof answer ? 0 : 1;
}

} // namespace runner
