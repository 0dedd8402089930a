#include "daemon/instance/kept_runner.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/socket.h>

#include "daemon/runner/serve.h"
#include "schema/error.h"

namespace instance {

void KeptRunner::begin() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    socket_ = base::Fd(ends[0]);
    const base::Fd theirs(ends[1]);
    auto command = serve_;
    command.fds = {{theirs.get(), runner::serve_socket_fd}};
    server_.emplace(base::Process::spawn(command));
}

/// False where there is nobody to ask.
bool KeptRunner::ask(const base::Command& command) const {
    auto packet = runner::encode_serve_request({command.argv.begin() + 1, command.argv.end()}, command.fds);
    iovec data{packet.data(), packet.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(runner::serve_most_fds * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (!command.fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(command.fds.size() * sizeof(int));
        auto* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(command.fds.size() * sizeof(int));
        auto* place = CMSG_DATA(header);
        for (const auto& [ours, target] : command.fds) {
            std::memcpy(place, &ours, sizeof ours);
            place += sizeof ours;
        }
    }
    return ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) >= 0;
}

/// Nothing where it could not fork.
std::optional<base::Process> KeptRunner::answer() const {
    int number = 0;
    iovec data{&number, sizeof number};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t size = 0;
    do size = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    // Whether it forked is not known; nothing may happen twice.
    if (size != sizeof number) throw schema::failure("The runner that starts others ended");
    const auto* header = CMSG_FIRSTHDR(&message);
    if (number <= 0 || header == nullptr || header->cmsg_type != SCM_RIGHTS) return std::nullopt;
    int pidfd = -1;
    std::memcpy(&pidfd, CMSG_DATA(header), sizeof pidfd);
    return base::Process::adopted(number, base::Fd(pidfd));
}

base::Process KeptRunner::spawn(const base::Command& command) {
    if (command.fds.size() > runner::serve_most_fds) return base::Process::spawn(command);
    {
        const std::scoped_lock lock(mutex_);
        if (!server_) begin();
        if (!ask(command)) {
            begin();
            if (!ask(command)) return base::Process::spawn(command);
        }
        if (auto process = answer()) return std::move(*process);
    }
    return base::Process::spawn(command); // a kernel that keeps clone3 from us
}

} // namespace instance
