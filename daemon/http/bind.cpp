#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/http/server.h"
#include "schema/error.h"

namespace http {

namespace {

constexpr int backlog = 1024;

schema::Error listen_failure(const std::string& where, std::string_view attempt, int error) {
    return schema::failure("Failed listening on \"{}\": {}: {}", where, attempt,
                           std::generic_category().message(error));
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw schema::failure("Failed listening on \"{}\": a socket's path has at most {} bytes", path,
                              sizeof address.sun_path - 1);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

bool somebody_answers(const sockaddr_un& address) {
    const base::Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int result = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return result == 0 || errno == EAGAIN; // EAGAIN: alive, with a full backlog
}

void remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) < 0) return;
    if (!S_ISSOCK(found.st_mode)) throw schema::failure("Failed listening on \"{}\": it is not a socket", path);
    if (somebody_answers(address))
        throw schema::failure("Failed listening on \"{}\": another process answers there already", path);
    if (::unlink(path.c_str()) < 0) throw listen_failure(path, "removing the stale socket", errno);
}

struct HostPort {
    std::string host;
    std::string port;
};

HostPort split(const std::string& address) {
    const auto colon = address.rfind(':');
    HostPort parts{address.substr(0, colon), colon == std::string::npos ? "" : address.substr(colon + 1)};
    if (parts.host.size() >= 2 && parts.host.front() == '[' && parts.host.back() == ']')
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    else if (parts.host.find(':') != std::string::npos)
        parts.port.clear(); // an IPv6 address without brackets
    if (parts.port.empty()) throw schema::bad_request("Invalid listen address \"{}\": it has no port", address);
    return parts;
}

std::unique_ptr<addrinfo, void (*)(addrinfo*)> resolve(const std::string& address) {
    const auto [host, port] = split(address);
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
    if (error != 0) throw schema::bad_request("Invalid listen address \"{}\": {}", address, gai_strerror(error));
    return {found, ::freeaddrinfo};
}

void set_option(int fd, int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
}

base::Fd listening(const addrinfo& candidate) {
    base::Fd fd(::socket(candidate.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fd;
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (candidate.ai_family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (::bind(fd.get(), candidate.ai_addr, candidate.ai_addrlen) < 0) return {};
    if (::listen(fd.get(), backlog) < 0) return {};
    return fd;
}

} // namespace

/// Nobody can connect before listen(), so mode and group are in place by then.
base::Fd bind_unix(const std::string& path, unsigned mode, int gid) {
    const auto address = unix_address(path);
    remove_stale(path, address);
    base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) throw listen_failure(path, "socket", errno);
    // The file is the owner's alone until it has its group and mode; that change comes last, so that who watches the
    // folder for it finds somebody listening.
    if (::fchmod(fd.get(), 0600) < 0) throw listen_failure(path, "setting its first mode", errno);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        throw listen_failure(path, "bind", errno);
    if (::listen(fd.get(), backlog) < 0) throw listen_failure(path, "listen", errno);
    if (gid >= 0 && ::chown(path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(gid)) < 0)
        throw listen_failure(path, "setting its group", errno);
    if (::chmod(path.c_str(), mode) < 0) throw listen_failure(path, "setting its mode", errno);
    return fd;
}

base::Fd bind_tcp(const std::string& address) {
    const auto candidates = resolve(address);
    int error = 0;
    // The IPv6 wildcard first: it takes IPv4 as well.
    for (const int family : {AF_INET6, AF_INET}) {
        for (const auto* candidate = candidates.get(); candidate; candidate = candidate->ai_next) {
            if (candidate->ai_family != family) continue;
            if (auto fd = listening(*candidate)) return fd;
            error = errno;
        }
    }
    throw listen_failure(address, "bind", error);
}

} // namespace http
