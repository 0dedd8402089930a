#include "daemon/runner/proxy_relay.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <unordered_map>
#include <unordered_set>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/runner/proxy_flow.h"
#include "daemon/runner/proxy_listener.h"

namespace runner {

namespace {

using Kind = schema::ProxyAddress::Kind;
using Clock = std::chrono::steady_clock;

constexpr auto datagram_session_time = std::chrono::minutes(30);
constexpr size_t most_datagram_sessions = 16384;
constexpr int accepts_a_turn = 64;
constexpr int retry_ms = 10;

class Relay;

/// What epoll's events are for.
class Watched {
public:
    virtual ~Watched() = default;
    virtual void on_event(Relay& relay) = 0;
};

void set_option(int socket, int level, int option) {
    const int on = 1;
    (void)::setsockopt(socket, level, option, &on, sizeof on);
}

void tune(int socket, Kind kind) {
    if (kind != Kind::tcp) return;
    set_option(socket, IPPROTO_TCP, TCP_NODELAY);
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE);
}

class Relay {
public:
    Relay(const RelayOrder& order, const std::vector<int>& ends);
    void run(std::vector<base::Fd> listeners);

    const RelayOrder& order() const { return order_; }
    PipePool& pipes() { return pipes_; }
    void watch(int fd, Watched& watched, uint32_t events);
    /// Has it called again once others had their turn.
    void call_again(Watched& watched) { again_.insert(&watched); }
    /// As call_again, after a moment.
    void call_later(Watched& watched) { later_.insert(&watched); }
    template <class Type> void keep(std::unique_ptr<Type> connection) {
        auto* key = connection.get();
        connections_.emplace(key, std::move(connection));
    }
    /// When the event that is handled has been.
    void drop(Watched& watched) { dropped_.insert(&watched); }
    /// Nothing more can be opened: listeners wait until something was closed.
    void pause(Watched& listener, int fd);

private:
    void call(std::unordered_set<Watched*>& waiting);
    void clear_dropped();
    bool wait();

    RelayOrder order_;
    base::Fd epoll_;
    PipePool pipes_;
    std::unordered_map<Watched*, std::unique_ptr<Watched>> connections_;
    std::unordered_set<Watched*> again_;
    std::unordered_set<Watched*> later_;
    std::unordered_set<Watched*> dropped_;
    std::unordered_map<Watched*, int> paused_;
};

/// A client and its target.
class Connection final : public Watched {
public:
    Connection(base::Fd client, size_t port, const RelayOrder& order)
        : client_(std::move(client)), port_(port),
          streams_(order.connect.kind != Kind::udp && !(order.listen.is_unix() && order.connect.is_unix())),
          there_message_(order.connect.kind == Kind::udp, order.listen.is_unix() && order.connect.is_unix()),
          back_message_(false, order.listen.is_unix() && order.connect.is_unix()) {
        if (order.proxy_protocol) header_ = order.listen.is_unix() ? "PROXY UNKNOWN\r\n" : proxy_header(client_.get());
    }

    void begin(Relay& relay) {
        target_ = connect_to(relay.order().connect, port_);
        if (!target_ && errno == EAGAIN) return relay.call_later(*this);
        if (!target_) return relay.drop(*this);
        tune(target_.get(), relay.order().connect.kind);
        relay.watch(client_.get(), *this, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
        relay.watch(target_.get(), *this, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }

    void on_event(Relay& relay) override {
        if (!target_) return begin(relay);
        if (!connected_ && !is_connected(relay)) return;
        if (!header_.empty() && !send_header()) return;
        const auto there = step(there_, [&] {
            return streams_ ? there_stream_.pump(client_.get(), target_.get(), relay.pipes())
                            : there_message_.pump(client_.get(), target_.get());
        });
        const auto back = step(back_, [&] {
            return streams_ ? back_stream_.pump(target_.get(), client_.get(), relay.pipes())
                            : back_message_.pump(target_.get(), client_.get());
        });
        const bool datagrams = relay.order().connect.kind == Kind::udp; // which have no end of their own
        if (there == FlowState::failed || back == FlowState::failed ||
            (there == FlowState::ended && (datagrams || back == FlowState::ended)))
            return relay.drop(*this);
        if (there == FlowState::more || back == FlowState::more) relay.call_again(*this);
    }

private:
    template <class Pump> static FlowState step(FlowState& state, Pump pump) {
        if (state != FlowState::ended) state = pump();
        return state;
    }

    bool is_connected(Relay& relay) {
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(target_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) relay.drop(*this);
        if (error != 0) return false;
        sockaddr_storage peer{};
        size = sizeof peer;
        connected_ = ::getpeername(target_.get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0;
        return connected_;
    }

    bool send_header() {
        const auto sent = ::send(target_.get(), header_.data(), header_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) header_.erase(0, static_cast<size_t>(sent));
        return header_.empty();
    }

    base::Fd client_;
    base::Fd target_;
    size_t port_;
    bool streams_;
    bool connected_ = false;
    std::string header_;
    FlowState there_ = FlowState::waiting;
    FlowState back_ = FlowState::waiting;
    StreamFlow there_stream_;
    StreamFlow back_stream_;
    MessageFlow there_message_;
    MessageFlow back_message_;
};

class StreamListener final : public Watched {
public:
    StreamListener(base::Fd socket, size_t port) : socket_(std::move(socket)), port_(port) {}
    int fd() const { return socket_.get(); }

    void on_event(Relay& relay) override {
        for (int turn = 0; turn < accepts_a_turn; ++turn) {
            base::Fd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!client && (errno == EMFILE || errno == ENFILE)) return relay.pause(*this, socket_.get());
            if (!client) return;
            tune(client.get(), relay.order().listen.kind);
            auto connection = std::make_unique<Connection>(std::move(client), port_, relay.order());
            auto& begun = *connection;
            relay.keep(std::move(connection));
            begun.begin(relay);
        }
    }

private:
    base::Fd socket_;
    size_t port_;
};

class DatagramListener;

/// A client that sent datagrams, and its own socket to the target.
class DatagramSession final : public Watched {
public:
    DatagramSession(DatagramListener& listener, std::string client, base::Fd target)
        : listener_(listener), client_(std::move(client)), target_(std::move(target)) {}
    ~DatagramSession() override;

    void on_event(Relay& relay) override;
    int fd() const { return target_.get(); }
    void send(const char* data, size_t size) {
        used_ = Clock::now();
        (void)::send(target_.get(), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    bool is_old(Clock::time_point now) const { return now - used_ > datagram_session_time; }

private:
    DatagramListener& listener_;
    std::string client_; // its sockaddr
    base::Fd target_;
    Clock::time_point used_ = Clock::now();
};

class DatagramListener final : public Watched {
public:
    DatagramListener(base::Fd socket, size_t port) : socket_(std::move(socket)), port_(port) {}
    int fd() const { return socket_.get(); }
    void forget(const std::string& client) { sessions_.erase(client); }

    void on_event(Relay& relay) override {
        static std::array<char, 65536> buffer; // one thread
        for (int turn = 0; turn < accepts_a_turn; ++turn) {
            sockaddr_storage from{};
            socklen_t from_size = sizeof from;
            const auto size = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                         reinterpret_cast<sockaddr*>(&from), &from_size);
            if (size < 0) return;
            auto* session = session_of({reinterpret_cast<char*>(&from), from_size}, relay);
            if (session != nullptr) session->send(buffer.data(), static_cast<size_t>(size));
        }
    }

    DatagramSession* session_of(const std::string& client, Relay& relay) {
        if (const auto found = sessions_.find(client); found != sessions_.end()) return found->second;
        drop_old(relay);
        if (sessions_.size() >= most_datagram_sessions) return nullptr;
        auto target = connect_to(relay.order().connect, port_);
        if (!target) return nullptr;
        auto session = std::make_unique<DatagramSession>(*this, client, std::move(target));
        auto* begun = session.get();
        sessions_.emplace(client, begun);
        relay.watch(begun->fd(), *begun, EPOLLIN);
        relay.keep(std::move(session));
        return begun;
    }

private:
    /// Looks at all of them, so not for each new one.
    void drop_old(Relay& relay) {
        const auto now = Clock::now();
        if (now - cleared_ < std::chrono::minutes(1)) return;
        cleared_ = now;
        for (auto& [client, session] : sessions_)
            if (session->is_old(now)) relay.drop(*session);
    }

    base::Fd socket_;
    size_t port_;
    Clock::time_point cleared_ = Clock::now();
    std::unordered_map<std::string, DatagramSession*> sessions_;
};

DatagramSession::~DatagramSession() {
    listener_.forget(client_);
}

void DatagramSession::on_event(Relay&) {
    static std::array<char, 65536> buffer; // one thread
    for (int turn = 0; turn < accepts_a_turn; ++turn) {
        const auto size = ::recv(target_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0) return; // also where nobody is at the target: somebody may be, later
        used_ = Clock::now();
        (void)::sendto(listener_.fd(), buffer.data(), static_cast<size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL,
                       reinterpret_cast<const sockaddr*>(client_.data()), static_cast<socklen_t>(client_.size()));
    }
}

Relay::Relay(const RelayOrder& order, const std::vector<int>& ends)
    : order_(order), epoll_(base::checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
    for (const int end : ends) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = nullptr;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, end, &event) < 0)
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
}

void Relay::watch(int fd, Watched& watched, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &watched;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0) drop(watched);
}

void Relay::pause(Watched& listener, int fd) {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    paused_.emplace(&listener, fd);
}

void Relay::call(std::unordered_set<Watched*>& waiting) {
    const auto now = std::exchange(waiting, {});
    for (auto* watched : now)
        if (!dropped_.contains(watched)) watched->on_event(*this);
}

void Relay::clear_dropped() {
    if (dropped_.empty()) return;
    for (auto* watched : dropped_) {
        again_.erase(watched);
        later_.erase(watched);
        connections_.erase(watched);
    }
    dropped_.clear();
    for (const auto& [listener, fd] : std::exchange(paused_, {})) watch(fd, *listener, EPOLLIN);
}

/// False when it is over.
bool Relay::wait() {
    std::array<epoll_event, 256> events; // NOLINT(cppcoreguidelines-pro-type-member-init): the kernel fills it
    int timeout = -1;
    if (!again_.empty())
        timeout = 0;
    else if (!later_.empty())
        timeout = retry_ms;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    for (int index = 0; index < count; ++index) {
        auto* watched = static_cast<Watched*>(events[static_cast<size_t>(index)].data.ptr);
        if (watched == nullptr) return false;
        if (!dropped_.contains(watched)) watched->on_event(*this);
    }
    return count >= 0 || errno == EINTR;
}

void Relay::run(std::vector<base::Fd> sockets) {
    std::vector<std::unique_ptr<Watched>> listeners;
    const auto add = [&](auto listener) {
        watch(listener->fd(), *listener, EPOLLIN);
        listeners.push_back(std::move(listener));
    };
    for (size_t port = 0; port < sockets.size(); ++port) {
        if (order_.listen.kind == Kind::udp)
            add(std::make_unique<DatagramListener>(std::move(sockets[port]), port));
        else
            add(std::make_unique<StreamListener>(std::move(sockets[port]), port));
    }
    do {
        call(again_);
        call(later_);
        clear_dropped();
    } while (wait());
    connections_.clear(); // before the listeners that they know
}

} // namespace

std::string proxy_header(int connection) {
    const auto text_of = [&](auto get) {
        sockaddr_storage storage{};
        socklen_t size = sizeof storage;
        get(connection, reinterpret_cast<sockaddr*>(&storage), &size);
        char text[INET6_ADDRSTRLEN] = "";
        if (storage.ss_family == AF_INET) {
            const auto& four = reinterpret_cast<sockaddr_in&>(storage);
            inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
            return std::pair<std::string, int>(text, ntohs(four.sin_port));
        }
        const auto& six = reinterpret_cast<sockaddr_in6&>(storage);
        // One that came by IPv4 is shown so.
        if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr))
            inet_ntop(AF_INET, &six.sin6_addr.s6_addr[12], text, sizeof text);
        else
            inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
        return std::pair<std::string, int>(text, ntohs(six.sin6_port));
    };
    const auto [client, client_port] = text_of(::getpeername);
    const auto [here, port] = text_of(::getsockname);
    const char* family = client.find(':') == std::string::npos ? "TCP4" : "TCP6";
    return fmt::format("PROXY {} {} {} {} {}\r\n", family, client, here, client_port, port);
}

void relay(const RelayOrder& order, std::vector<base::Fd> listeners, const std::vector<int>& ends) {
    Relay(order, ends).run(std::move(listeners));
}

} // namespace runner
