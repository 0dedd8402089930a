#include "daemon/runner/serve.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/fd_passing.h"

namespace runner {

namespace {

constexpr size_t largest_packet = 65536;

struct Received {
    ServeRequest request;
    std::vector<base::Fd> fds;
};

/// Blocks; nothing when the daemon has gone.
std::optional<Received> receive() {
    std::string packet(largest_packet, '\0');
    Received received;
    const auto size = base::receive_with_fds(serve_socket_fd, packet.data(), packet.size(), received.fds);
    if (size <= 0) return std::nullopt;
    received.request = decode_serve_request({packet.data(), static_cast<size_t>(size)});
    return received;
}

void answer(int number, const base::Fd& pidfd) {
    const std::string_view bytes(reinterpret_cast<const char*>(&number), sizeof number);
    (void)base::send_with_fds(serve_socket_fd, bytes, pidfd ? std::vector<int>{pidfd.get()} : std::vector<int>());
}

/// A child of our parent. 0 in the child; less than 0 on failure.
pid_t fork_sibling(base::Fd& pidfd) {
    int fd = -1;
    clone_args wanted{};
    wanted.flags = CLONE_PARENT | CLONE_PIDFD;
    wanted.pidfd = reinterpret_cast<uint64_t>(&fd);
    const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &wanted, sizeof wanted));
    if (pid > 0) pidfd.reset(fd);
    return pid;
}

/// The descriptors get their numbers, the standard ones that were not given are nowhere, and all others are closed.
void place(std::vector<base::Fd> fds, const std::vector<int>& targets) {
    if (fds.size() != targets.size()) throw std::invalid_argument("serve: a descriptor is missing");
    int last = 2;
    for (const int target : targets) last = std::max(last, target);
    for (auto& fd : fds) fd = base::checked(::fcntl(fd.get(), F_DUPFD_CLOEXEC, last + 1), "dup");
    ::close_range(0, static_cast<unsigned>(last), 0);
    for (int number = 0; number <= 2; ++number) ::open("/dev/null", O_RDWR); // NOLINT(android-cloexec-open): inherited
    for (size_t index = 0; index < fds.size(); ++index) ::dup2(fds[index].get(), targets[index]);
    fds.clear();
    ::close_range(static_cast<unsigned>(last) + 1, ~0U, 0);
}

} // namespace

std::optional<std::vector<std::string>> serve() {
    ::fcntl(serve_socket_fd, F_SETFD, FD_CLOEXEC);
    while (auto received = receive()) {
        base::Fd pidfd;
        const auto pid = fork_sibling(pidfd);
        if (pid == 0) {
            ::setpgid(0, 0);
            place(std::move(received->fds), received->request.targets);
            auto& arguments = received->request.arguments;
            if (!arguments.empty()) ::prctl(PR_SET_NAME, ("lxd-run:" + arguments.front()).c_str()); // for ps
            return std::move(arguments);
        }
        answer(pid > 0 ? pid : -errno, pidfd);
    }
    return std::nullopt;
}

} // namespace runner
