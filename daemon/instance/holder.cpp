#include "daemon/instance/holder.h"

#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/fd.h"

namespace instance {

namespace {

constexpr int patience_ms = 5000;

bool wait_for_end(const base::Fd& process) {
    pollfd end{process.get(), POLLIN, 0};
    return ::poll(&end, 1, patience_ms) > 0;
}

void send_signal(const base::Fd& process, int number) {
    ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0);
}

} // namespace

pid_t holder_of(const std::string& file) {
    const base::Fd held(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    struct flock lock{};
    lock.l_type = F_WRLCK;
    if (!held || ::fcntl(held.get(), F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK) return 0;
    return lock.l_pid;
}

void end_holder(const std::string& file) {
    if (const auto pid = holder_of(file); pid > 0) {
        const base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        // Asked again: the number is the process's now.
        if (process && holder_of(file) == pid) {
            send_signal(process, SIGTERM);
            if (!wait_for_end(process)) {
                send_signal(process, SIGKILL);
                wait_for_end(process);
            }
        }
    }
    ::unlink(file.c_str());
}

} // namespace instance
