#include "daemon/intercept/server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "daemon/base/fd_passing.h"
#include "daemon/intercept/memory.h"
#include "daemon/runner/intercept.h"

namespace intercept {

namespace {

/// liblxc gives up after 30 seconds, and then takes a late answer for that of the next call. Until there is one,
/// whoever asks the container's monitor waits.
constexpr int longest_work_ms = 3'000;
constexpr int longest_mount_ms = 20'000; // a journal may have to be replayed
/// For a runner that has answered.
constexpr int longest_end_ms = 1'000;
/// A worker stays with a connection for so long after a call, as calls come in rows.
constexpr int patience_ms = 50;
/// Runners of one container that were killed and do not end, waiting for a filesystem of the container's for one.
constexpr size_t most_hanging = 4;
constexpr size_t packet_fds = 3; // /proc/PID, /proc/PID/mem, the listener

base::Fd listen(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
    std::memcpy(address.sun_path, path.data(), path.size());
    ::unlink(path.c_str());
    auto socket = base::checked(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
        ::chmod(path.c_str(), 0600) < 0 || // before anybody can connect
        ::listen(socket.get(), SOMAXCONN) < 0)
        throw std::system_error(errno, std::generic_category(), path);
    return socket;
}

enum class Received { packet, nothing, end };

/// One packet without waiting for it; what is too long is cut, and refused by its size then.
Received receive(int socket, std::string& packet, std::vector<base::Fd>& fds) {
    packet.assign(largest_packet + 1, '\0');
    fds.clear();
    const auto size = base::receive_with_fds(socket, packet.data(), packet.size(), fds, MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN ? Received::nothing : Received::end;
    packet.resize(static_cast<size_t>(size));
    return size == 0 ? Received::end : Received::packet;
}

/// Whether a descriptor becomes readable in time, and before the server stops.
bool await(int fd, int stopping, int timeout_ms) {
    std::array<pollfd, 2> watched{{{fd, POLLIN, 0}, {stopping, POLLIN, 0}}};
    int ready = 0;
    do ready = ::poll(watched.data(), watched.size(), timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0 && watched[1].revents == 0;
}

bool still_waits(int listener, uint64_t id) {
    return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

bool has_ended(const base::Process& process) {
    pollfd watched{process.pidfd(), POLLIN, 0};
    return ::poll(&watched, 1, 0) > 0;
}

} // namespace

struct Server::Connection {
    base::Fd socket;
    base::EventLoop::Id watched = 0;
};

Server::Server(Surroundings surroundings)
    : around_(std::move(surroundings)), stopping_(base::checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {}

Server::~Server() {
    stop();
    for (auto& [name, processes] : hanging_)
        for (auto& process : processes)
            if (!has_ended(process)) process.abandon();
}

void Server::start(const std::string& path) {
    listener_ = listen(path);
    around_.loop.watch(listener_.get(), [this] { accept(); });
}

void Server::stop() {
    ::eventfd_write(stopping_.get(), 1);
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    for (const auto& [key, connection] : connections_) ::shutdown(connection->socket.get(), SHUT_RDWR);
    connections_.clear();
}

void Server::accept() {
    base::Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != 0) return;
    auto connection = std::make_shared<Connection>();
    connection->socket = std::move(socket);
    const std::scoped_lock lock(mutex_);
    if (stopped_) return;
    connections_.emplace(connection.get(), connection);
    watch(connection);
}

/// Called with the lock.
void Server::watch(const std::shared_ptr<Connection>& connection) {
    const std::weak_ptr<Connection> weak = connection;
    connection->watched = around_.loop.watch(connection->socket.get(), [this, weak] {
        const auto ready = weak.lock();
        if (!ready) return;
        const std::scoped_lock taken(mutex_); // until watch() has noted the number
        around_.loop.remove(ready->watched);
        around_.workers.run([this, ready] {
            try {
                serve(ready);
            } catch (const std::exception& error) {
                around_.log.warning("Failed answering an intercepted system call", {{"err", error.what()}});
                drop(ready);
            }
        });
    });
}

void Server::drop(const std::shared_ptr<Connection>& connection) {
    const std::scoped_lock lock(mutex_);
    connections_.erase(connection.get());
}

void Server::serve(const std::shared_ptr<Connection>& connection) {
    const int socket = connection->socket.get();
    std::string packet;
    std::vector<base::Fd> fds;
    do {
        const auto received = receive(socket, packet, fds);
        if (received == Received::nothing) continue;
        const auto call = received == Received::packet ? parse(packet) : std::nullopt;
        if (!call || fds.size() != packet_fds) return drop(connection);
        const auto result = answer(*call, fds);
        if (!result) return drop(connection);
        const auto bytes = reply(*call, *result);
        if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return drop(connection);
        fds.clear();
    } while (await(socket, stopping_.get(), patience_ms));
    const std::scoped_lock lock(mutex_);
    if (!stopped_) watch(connection);
}

std::optional<Answer> Server::answer(const Notification& call, const std::vector<base::Fd>& fds) {
    const auto settings = around_.find(call.cookie);
    if (!settings) return go_on;
    const auto decision = decide(call, *settings, memory_of(fds[1].get()));
    // What was read was the caller's, if it still waits.
    if (!still_waits(fds[2].get(), call.id)) return refused(EINTR);
    if (const auto* at_once = std::get_if<Answer>(&decision)) return *at_once;
    return run(call, std::get<Work>(decision), fds);
}

bool Server::too_many_hang(const std::string& container) {
    const std::scoped_lock lock(mutex_);
    const auto found = hanging_.find(container);
    if (found == hanging_.end()) return false;
    std::erase_if(found->second, has_ended);
    if (!found->second.empty()) return found->second.size() >= most_hanging;
    hanging_.erase(found);
    return false;
}

void Server::leave_hanging(const std::string& container, base::Process process) {
    process.kill_group(SIGKILL);
    process.kill(SIGKILL);
    const std::scoped_lock lock(mutex_);
    hanging_[container].push_back(std::move(process));
}

/// Nothing where the server stops.
std::optional<Answer> Server::run(const Notification& call, const Work& work, const std::vector<base::Fd>& fds) {
    if (too_many_hang(call.cookie)) return go_on;
    auto arguments = work.arguments;
    arguments.insert(arguments.begin(), std::to_string(call.id));
    auto pipe = base::make_pipe();
    auto process = around_.spawn(std::move(arguments), {{fds[0].get(), runner::intercept_caller_fd},
                                                        {fds[2].get(), runner::intercept_listener_fd},
                                                        {fds[1].get(), runner::intercept_memory_fd},
                                                        {pipe.write_end.get(), runner::intercept_answer_fd}});
    pipe.write_end.reset();
    const bool mounts = work.arguments.front().starts_with("mount");
    runner::InterceptAnswer told;
    const bool in_time = await(pipe.read_end.get(), stopping_.get(), mounts ? longest_mount_ms : longest_work_ms);
    const bool whole = in_time && ::read(pipe.read_end.get(), &told, sizeof told) == sizeof told;
    if (!in_time || !await(process.pidfd(), stopping_.get(), longest_end_ms))
        leave_hanging(call.cookie, std::move(process));
    pollfd stopping{stopping_.get(), POLLIN, 0};
    if (!in_time && ::poll(&stopping, 1, 0) > 0) return std::nullopt;
    if (!whole || told.go_on != 0) return go_on;
    return Answer{told.error, told.value, false};
}

} // namespace intercept
