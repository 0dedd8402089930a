#include "client/sftp_listener/clients.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "client/sftp_listener/listen_address.h"
#include "schema/error.h"
#include "schema/values.h"

namespace client {

namespace {

/// Further ones wait in the listener's queue.
constexpr size_t most_at_once = 100;

struct Child {
    base::Fd pidfd;
    std::string peer;
};

struct Accepted {
    base::Fd socket;
    std::string peer;
};

/// So that a client that vanished without a word is noticed.
void watch_over(int socket) {
    const int on = 1;
    const int seconds = 15;
    ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// No socket where the client has gone again.
Accepted accept_client(int listener) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    Accepted client;
    client.socket = base::Fd(::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC));
    if (client.socket) {
        client.peer = shown_address(address);
        watch_over(client.socket.get());
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED && errno != EPROTO) {
        throw schema::failure("Failed to accept incoming connection: {}", std::generic_category().message(errno));
    }
    return client;
}

[[noreturn]] void serve_and_exit(Accepted client, const ServeClient& serve, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) std::_Exit(1);
    try {
        serve(std::move(client.socket), client.peer);
    } catch (const std::exception& error) {
        tell(stderr, fmt::format("{}: {}", schema::quoted(client.peer), error.what()));
    }
    std::_Exit(0);
}

void reap(const Child& child) {
    siginfo_t ignored{};
    ::waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &ignored, WEXITED);
    tell(stdout, fmt::format("SSH client disconnected {}", schema::quoted(child.peer)));
}

} // namespace

void serve_clients(base::Fd listener, const ServeClient& serve) {
    const auto parent = ::getpid();
    std::vector<Child> children;
    for (;;) {
        std::vector<pollfd> fds{{children.size() < most_at_once ? listener.get() : -1, POLLIN, 0}};
        for (const auto& child : children) fds.push_back({child.pidfd.get(), POLLIN, 0});
        if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "poll");
        }
        for (size_t i = children.size(); i-- > 0;) {
            if (fds[i + 1].revents == 0) continue;
            reap(children[i]);
            children.erase(children.begin() + static_cast<ptrdiff_t>(i));
        }
        if (fds[0].revents == 0) continue;
        auto client = accept_client(listener.get());
        if (!client.socket) continue;
        tell(stdout, fmt::format("SSH client connected {}", schema::quoted(client.peer)));
        const auto pid = ::fork();
        if (pid == 0) {
            listener.reset();
            children.clear();
            serve_and_exit(std::move(client), serve, parent);
        }
        if (pid < 0) {
            tell(stderr, fmt::format("Failed to serve client {}: fork: {}", schema::quoted(client.peer),
                                     std::generic_category().message(errno)));
            continue;
        }
        // Nobody but reap() waits for it, so that its number stays its own.
        children.push_back(
            {base::checked(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), "pidfd_open"), std::move(client.peer)});
    }
}

void tell(std::FILE* stream, std::string_view line) {
    const auto whole = std::string(line) + "\n";
    std::fwrite(whole.data(), 1, whole.size(), stream);
    std::fflush(stream);
}

} // namespace client
