// Requests a second of a daemon on a unix socket: kept-alive connections, each with one request under way. Used by
// test/bench/run beside a real LXD, so it speaks plain HTTP/1.1 and nothing of ours. Prints "<rate> requests/s".
//
//   http_load --socket PATH [--path /1.0] [--connections 16] [--requests 100000 | --seconds S]

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    std::string socket;
    std::string path = "/1.0";
    int connections = 16;
    long requests = 100000;
    double seconds = 0; // > 0: instead of a number of requests
};

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(errno == 0 ? what : what + ": " + std::strerror(errno));
}

Options parsed(int argc, char** argv) {
    Options options;
    const std::map<std::string_view, void (*)(Options&, const char*)> known{
        {"--socket", [](Options& o, const char* value) { o.socket = value; }},
        {"--path", [](Options& o, const char* value) { o.path = value; }},
        {"--connections", [](Options& o, const char* value) { o.connections = std::atoi(value); }},
        {"--requests", [](Options& o, const char* value) { o.requests = std::atol(value); }},
        {"--seconds", [](Options& o, const char* value) { o.seconds = std::atof(value); }},
    };
    for (int i = 1; i + 1 < argc; i += 2) {
        const auto option = known.find(argv[i]);
        if (option == known.end()) throw std::runtime_error(std::string("unknown option ") + argv[i]);
        option->second(options, argv[i + 1]);
    }
    if (options.socket.empty() || argc % 2 == 0 || options.connections < 1)
        throw std::runtime_error("usage: http_load --socket PATH [--path /1.0] [--connections 16] "
                                 "[--requests 100000 | --seconds S]");
    return options;
}

int connected(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) fail("connect " + path);
    return fd;
}

/// The length of one answer, once its head is there; 0 before.
size_t answer_length(const std::string& data) {
    const auto end = data.find("\r\n\r\n");
    if (end == std::string::npos) return 0;
    for (size_t at = 0; at < end;) {
        const auto next = data.find("\r\n", at);
        if (next - at > 15 && strncasecmp(data.data() + at, "content-length:", 15) == 0)
            return end + 4 + std::stoul(data.substr(at + 15, next - at - 15));
        at = next + 2;
    }
    throw std::runtime_error("an answer without a Content-Length");
}

class Load {
public:
    explicit Load(const Options& options)
        : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          connections_(static_cast<size_t>(options.connections)),
          request_("GET " + options.path + " HTTP/1.1\r\nHost: lxd\r\n\r\n") {
        for (auto& connection : connections_) {
            connection.fd = connected(options.socket);
            epoll_event event{EPOLLIN, {.ptr = &connection}};
            if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) < 0) fail("epoll_ctl");
        }
    }
    ~Load() {
        for (const auto& connection : connections_) ::close(connection.fd);
        ::close(epoll_);
    }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    /// Requests a second.
    double run() {
        const auto start = Clock::now();
        for (auto& connection : connections_) ask(connection);
        while (!enough(start)) {
            epoll_event events[64];
            const int count = ::epoll_wait(epoll_, events, 64, 1000);
            for (int i = 0; i < count; ++i) receive(*static_cast<Connection*>(events[i].data.ptr));
        }
        return static_cast<double>(answered_) / std::chrono::duration<double>(Clock::now() - start).count();
    }

private:
    struct Connection {
        int fd = -1;
        std::string data;
    };

    bool enough(Clock::time_point start) const {
        if (options_.seconds <= 0) return answered_ >= options_.requests;
        return std::chrono::duration<double>(Clock::now() - start).count() >= options_.seconds;
    }
    void ask(Connection& connection) const {
        if (::send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL) < 0) fail("send");
    }
    void receive(Connection& connection) {
        char piece[65536];
        const auto count = ::recv(connection.fd, piece, sizeof piece, 0);
        if (count <= 0) fail("the connection ended");
        connection.data.append(piece, static_cast<size_t>(count));
        const auto length = answer_length(connection.data);
        if (length == 0 || connection.data.size() < length) return;
        if (connection.data.compare(0, 12, "HTTP/1.1 200") != 0) fail("an answer is " + connection.data.substr(0, 12));
        connection.data.erase(0, length);
        ++answered_;
        ask(connection);
    }

    Options options_;
    int epoll_;
    std::vector<Connection> connections_;
    std::string request_;
    long answered_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    try {
        std::printf("%.0f requests/s\n", Load(parsed(argc, argv)).run());
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "http_load: %s\n", error.what());
        return 1;
    }
}
