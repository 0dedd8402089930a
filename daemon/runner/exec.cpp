#include <cerrno>
#include <stdexcept>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/fd_passing.h"
#include "daemon/runner/attach.h"
#include "daemon/runner/exec_request.h"
#include "daemon/runner/verbs.h"
#include "lxcwrap/container.h"
#include "lxcwrap/error.h"

namespace runner {

namespace {

/// The daemon may be gone, which is no reason to end the command.
void report(const std::string& line) {
    (void)::send(exec_report_fd, line.data(), line.size(), MSG_NOSIGNAL);
}

void report_with_fd(const std::string& line, int fd) {
    (void)base::send_with_fds(exec_report_fd, line, {fd});
}

/// liblxc makes a terminal the controlling one only when its number is above 0, and closes what it was given in the
/// child; so the command gets copies.
void copy_standard_fds(lxcwrap::AttachedCommand& command) {
    for (int number = 0; number < 3; ++number)
        command.fds[number] = base::checked(::fcntl(number, F_DUPFD_CLOEXEC, 10), "dup").release();
}

/// The command's descriptors must be its own, so that the other ends see it close them.
void let_go_of_standard_fds(const lxcwrap::AttachedCommand& command) {
    const auto null = base::checked(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
    for (int number = 0; number < 3; ++number) {
        ::dup2(null.get(), number);
        if (command.fds[number] > 2) ::close(command.fds[number]);
    }
}

/// The exit code, or 128 + signal.
int wait_for(pid_t pid) {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) < 0)
        if (errno != EINTR) throw std::runtime_error("waitid failed");
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

lxcwrap::AttachedCommand command_of(ExecRequest request) {
    lxcwrap::AttachedCommand command;
    command.argv = std::move(request.command);
    command.environment = std::move(request.environment);
    command.cwd = std::move(request.cwd);
    command.uid = request.uid;
    command.gid = request.gid;
    command.gate = exec_gate_fd;
    if (request.terminal) copy_standard_fds(command);
    return command;
}

} // namespace

int exec(const Arguments& arguments) {
    if (arguments.size() != 3) throw std::invalid_argument("exec: expected NAME LXCPATH CONF");
    for (const int ours : {exec_report_fd, exec_gate_fd}) ::fcntl(ours, F_SETFD, FD_CLOEXEC);
    const auto command = command_of(decode_exec_request(base::read_to_end(exec_request_fd)));
    ::close(exec_request_fd);
    if (command.argv.empty()) throw std::invalid_argument("exec: no command");

    try {
        lxcwrap::Container container(arguments[0], arguments[1]);
        container.load_config(arguments[2]);
        const auto [pid, helper] = attach(container, arguments[0], command);
        // Not reaped yet, so the number is still the command's.
        const auto pidfd = base::checked(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), "pidfd_open");
        let_go_of_standard_fds(command);
        ::close(exec_gate_fd);
        report_with_fd("pid " + std::to_string(pid) + "\n", pidfd.get());
        if (helper > 0) wait_for(helper);
        const int code = wait_for(pid);
        report("exit " + std::to_string(code) + "\n");
        return code;
    } catch (const std::exception& error) {
        report(std::string("error ") + error.what() + "\n");
        throw;
    }
}

} // namespace runner
