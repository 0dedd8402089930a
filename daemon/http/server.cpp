#include "daemon/http/server.h"

#include <atomic>
#include <cerrno>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/http/connection.h"
#include "daemon/http/core.h"
#include "daemon/http/entry.h"
#include "daemon/http/error_reply.h"
#include "daemon/http/tls_settings.h"

namespace http {

namespace {

namespace asio = boost::asio;

/// After the process ran out of descriptors.
constexpr auto accept_pause = std::chrono::milliseconds(100);

/// An answer that is owed. Given once; a handler that forgets it has it given here.
class Ticket {
public:
    explicit Ticket(Answer answer) : answer_(std::move(answer)) {}
    ~Ticket() { give(error_reply(500, "The request was not answered")); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    void give(Response response) {
        if (!given_.exchange(true)) answer_(std::move(response));
    }

private:
    Answer answer_;
    std::atomic<bool> given_ = false;
};

Response handled(const Handler& handler, Request request) {
    try {
        return handler(std::move(request));
    } catch (const std::exception& error) {
        return error_reply(500, error.what());
    }
}

void handle(const Handler& handler, Request request, Answer answer) {
    const auto ticket = std::make_shared<Ticket>(std::move(answer));
    auto response = handled(handler, std::move(request));
    const auto* deferred = std::get_if<Response::Deferred>(&response.body);
    if (!deferred) return ticket->give(std::move(response));
    deferred->start([ticket](Response later) { ticket->give(std::move(later)); });
}

std::string printed(const sockaddr_storage& address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    const auto port = std::to_string(ntohs(v6.sin6_port));
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
        return std::string(text) + ":" + port;
    }
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + port;
}

Peer unix_peer(int socket) {
    Peer peer;
    ucred credentials{};
    socklen_t size = sizeof credentials;
    // Where the kernel does not say who it is, it must not look like root.
    credentials.uid = credentials.gid = static_cast<uint32_t>(-1);
    getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
    peer.uid = credentials.uid;
    peer.gid = credentials.gid;
    peer.pid = credentials.pid;
    return peer;
}

Peer tls_peer(int socket) {
    Peer peer;
    peer.kind = Peer::Kind::tls;
    peer.uid = peer.gid = static_cast<uint32_t>(-1);
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0) peer.address = printed(address);
    return peer;
}

/// Accepts on one socket until it is closed. asio's own acceptor does not set close-on-exec.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
public:
    using Take = std::function<void(base::Fd)>;

    Acceptor(std::shared_ptr<IoThread> io, base::Fd socket, Take take)
        : io_(std::move(io)), socket_(io_->context()), pause_(io_->context()), take_(std::move(take)) {
        ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK); // an inherited one may block
        ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
        socket_.assign(socket.get());
        static_cast<void>(socket.release());
    }

    void wait() {
        socket_.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](ErrorCode error) {
            if (!error) self->accept_all();
        });
    }
    void close() {
        ErrorCode ignored;
        socket_.close(ignored);
        pause_.cancel();
        take_ = nullptr;
    }

private:
    void accept_all() {
        while (take_) {
            base::Fd accepted(::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (accepted) {
                take_(std::move(accepted));
            } else if (errno == EAGAIN) {
                return wait();
            } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                return rest();
            }
        }
    }
    void rest() {
        pause_.expires_after(accept_pause);
        pause_.async_wait([self = shared_from_this()](ErrorCode error) {
            if (!error && self->take_) self->wait();
        });
    }

    std::shared_ptr<IoThread> io_;
    asio::posix::stream_descriptor socket_;
    asio::steady_timer pause_;
    Take take_;
};

} // namespace

struct Server::State {
    State(Options options, base::WorkerPool& workers, Handler to_call)
        : core(std::make_shared<Core>(options, workers)), handler(std::move(to_call)),
          entry(std::make_unique<Entry>(
              [this](Request request, Answer answer) { run(std::move(request), std::move(answer)); })) {
        core->submit = [this](Exchange exchange) { entry->submit(std::move(exchange)); };
        for (size_t i = 0; i < std::max<size_t>(options.io_threads, 1); ++i)
            threads.push_back(std::make_shared<IoThread>());
    }

    void run(Request request, Answer answer);
    void listen(base::Fd socket, std::function<std::unique_ptr<Stream>(asio::io_context&, base::Fd)> make_stream,
                std::function<Peer(int)> peer_of);
    void close_acceptors();
    void stop();

    std::shared_ptr<Core> core;
    Handler handler;
    std::unique_ptr<Entry> entry;
    std::vector<std::shared_ptr<IoThread>> threads;
    std::mutex mutex;
    std::vector<std::shared_ptr<Acceptor>> acceptors;
    size_t next_thread = 0; // the first io thread's
    bool stopped = false;
};

void Server::State::run(Request request, Answer answer) {
    core->run([this, request = std::move(request), answer = std::move(answer)]() mutable {
        handle(handler, std::move(request), std::move(answer));
    });
}

void Server::State::listen(base::Fd socket,
                           std::function<std::unique_ptr<Stream>(asio::io_context&, base::Fd)> make_stream,
                           std::function<Peer(int)> peer_of) {
    const auto take = [this, make_stream = std::move(make_stream), peer_of = std::move(peer_of)](base::Fd accepted) {
        const auto& io = threads[next_thread++ % threads.size()];
        auto peer = peer_of(accepted.get());
        const auto connection =
            std::make_shared<Connection>(core, io, make_stream(io->context(), std::move(accepted)), std::move(peer));
        io->post([connection] { connection->start(); });
    };
    const std::scoped_lock lock(mutex);
    if (stopped) return;
    const auto acceptor = std::make_shared<Acceptor>(threads.front(), std::move(socket), take);
    acceptors.push_back(acceptor);
    threads.front()->post([acceptor] { acceptor->wait(); });
}

void Server::State::close_acceptors() {
    for (const auto& acceptor : acceptors) threads.front()->post([acceptor] { acceptor->close(); });
    acceptors.clear();
}

void Server::State::stop() {
    {
        const std::scoped_lock lock(mutex);
        if (std::exchange(stopped, true)) return;
        close_acceptors();
    }
    core->drain();
    core->wait_for_jobs(core->options.drain_time);
    core->abandon();
    core->wait_until_closed(core->options.drain_time);
    core->abort();
    core->wait_for_jobs();
    for (const auto& thread : threads) thread->end();
    core->wait_for_jobs(); // what the last closings set off
    entry = nullptr;
}

Server::Server(Options options, base::WorkerPool& workers, Handler handler)
    : state_(std::make_shared<State>(options, workers, std::move(handler))) {}

Server::~Server() {
    stop();
}

void Server::listen_unix(base::Fd socket, Identify identify) {
    const auto peer_of = [identify = std::move(identify)](int accepted) {
        auto peer = unix_peer(accepted);
        if (identify) identify(accepted, peer);
        return peer;
    };
    state_->listen(std::move(socket), unix_stream, peer_of);
}

void Server::listen_tls(base::Fd socket, TlsIdentity identity) {
    const auto make_stream = [settings = tls_settings(identity)](asio::io_context& context, base::Fd accepted) {
        return tls_stream(context, std::move(accepted), settings);
    };
    state_->listen(std::move(socket), make_stream, tls_peer);
}

void Server::stop() {
    state_->stop();
}

} // namespace http
