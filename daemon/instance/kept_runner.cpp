#include "daemon/instance/kept_runner.h"

#include <cerrno>
#include <system_error>

#include <sys/socket.h>

#include "daemon/base/fd_passing.h"
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
    const auto packet = runner::encode_serve_request({command.argv.begin() + 1, command.argv.end()}, command.fds);
    std::vector<int> fds;
    fds.reserve(command.fds.size());
    for (const auto& [ours, target] : command.fds) fds.push_back(ours);
    return base::send_with_fds(socket_.get(), packet, fds) >= 0;
}

/// Nothing where it could not fork.
std::optional<base::Process> KeptRunner::answer() const {
    int number = 0;
    std::vector<base::Fd> fds;
    const auto size = base::receive_with_fds(socket_.get(), reinterpret_cast<char*>(&number), sizeof number, fds);
    // Whether it forked is not known; nothing may happen twice.
    if (size != sizeof number) throw schema::failure("The runner that starts others ended");
    if (number <= 0 || fds.empty()) return std::nullopt;
    return base::Process::adopted(number, std::move(fds.front()));
}

base::Process KeptRunner::spawn(const base::Command& command) {
    if (command.fds.size() > base::most_passed_fds) return base::Process::spawn(command);
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
