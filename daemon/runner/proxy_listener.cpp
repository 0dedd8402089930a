#include "daemon/runner/proxy_listener.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/stale_socket.h"

namespace runner {

namespace {

using schema::ProxyAddress;

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    int family() const { return storage.ss_family; }
};

SocketAddress unix_address(const std::string& text) {
    SocketAddress result;
    auto& address = reinterpret_cast<sockaddr_un&>(result.storage);
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, text.data(), std::min(text.size(), sizeof address.sun_path - 1));
    result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
    // An abstract name has no end but that of the address; a path has a zero byte.
    if (text.front() == '@')
        address.sun_path[0] = '\0';
    else
        ++result.size;
    return result;
}

/// An empty text is `otherwise`.
SocketAddress ip_address(const std::string& text, uint16_t port, const char* otherwise) {
    SocketAddress result;
    const auto* address = text.empty() ? otherwise : text.c_str();
    auto& four = reinterpret_cast<sockaddr_in&>(result.storage);
    if (inet_pton(AF_INET, address, &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(port);
        result.size = sizeof four;
        return result;
    }
    auto& six = reinterpret_cast<sockaddr_in6&>(result.storage);
    inet_pton(AF_INET6, address, &six.sin6_addr);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    result.size = sizeof six;
    return result;
}

int type_of(const ProxyAddress& address) {
    return address.kind == ProxyAddress::Kind::udp ? SOCK_DGRAM : SOCK_STREAM;
}

void set_option(const base::Fd& socket, int level, int option, int value) {
    (void)::setsockopt(socket.get(), level, option, &value, sizeof value);
}

std::string shown(const ProxyAddress& address, uint16_t port) {
    if (address.is_unix()) return address.address;
    if (address.address.find(':') != std::string::npos) return fmt::format("[{}]:{}", address.address, port);
    return fmt::format("{}:{}", address.address, port);
}

std::runtime_error failure(const ProxyAddress& address, uint16_t port, std::string_view step) {
    const auto where = shown(address, port);
    std::string cause = std::strerror(errno);
    cause.front() = static_cast<char>(std::tolower(cause.front()));
    return std::runtime_error(fmt::format("Failed to listen on {}: listen {} {}: {}: {}", where,
                                          schema::kind_name(address.kind), where, step, cause));
}

/// Before anybody can connect.
void give_to(const std::string& path, const SocketOwner& owner) {
    const auto uid = owner.uid.value_or(static_cast<uid_t>(-1));
    const auto gid = owner.gid.value_or(static_cast<gid_t>(-1));
    if ((owner.uid || owner.gid) && ::lchown(path.c_str(), uid, gid) < 0)
        throw std::runtime_error(fmt::format("chown {}: {}", path, std::strerror(errno)));
    if (::chmod(path.c_str(), owner.mode) < 0)
        throw std::runtime_error(fmt::format("chmod {}: {}", path, std::strerror(errno)));
}

base::Fd listen_on_one(const ProxyAddress& address, uint16_t port, const SocketOwner& owner, bool any_address) {
    auto where = address.is_unix() ? unix_address(address.address) : ip_address(address.address, port, "::");
    if (address.is_path()) base::remove_stale_socket(address.address);
    base::Fd socket(::socket(where.family(), type_of(address) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket && address.address.empty() && errno == EAFNOSUPPORT) {
        where = ip_address("0.0.0.0", port, "");
        socket.reset(::socket(AF_INET, type_of(address) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    }
    if (!socket) throw failure(address, port, "socket");
    if (address.kind == ProxyAddress::Kind::tcp) set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    if (where.family() == AF_INET6) {
        // "::" stands for IPv4 as well, other addresses cannot.
        set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, address.address.empty() || address.address == "::" ? 0 : 1);
        if (any_address) set_option(socket, IPPROTO_IPV6, IPV6_FREEBIND, 1);
    }
    if (where.family() == AF_INET && any_address) set_option(socket, IPPROTO_IP, IP_FREEBIND, 1);
    if (::bind(socket.get(), where.get(), where.size) < 0) throw failure(address, port, "bind");
    if (address.is_path()) give_to(address.address, owner);
    if (type_of(address) == SOCK_STREAM && ::listen(socket.get(), SOMAXCONN) < 0)
        throw failure(address, port, "listen");
    return socket;
}

} // namespace

std::vector<base::Fd> listen_on(const ProxyAddress& address, const SocketOwner& owner, bool any_address) {
    std::vector<base::Fd> sockets;
    if (address.is_unix()) sockets.push_back(listen_on_one(address, 0, owner, any_address));
    for (const auto port : address.ports) sockets.push_back(listen_on_one(address, port, owner, any_address));
    return sockets;
}

base::Fd connect_to(const ProxyAddress& address, size_t port_index) {
    const auto port = address.is_unix() ? uint16_t(0) : address.ports[address.ports.size() == 1 ? 0 : port_index];
    auto where = address.is_unix() ? unix_address(address.address) : ip_address(address.address, port, "127.0.0.1");
    base::Fd socket(::socket(where.family(), type_of(address) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return {};
    if (::connect(socket.get(), where.get(), where.size) < 0 && errno != EINPROGRESS) return {};
    return socket;
}

} // namespace runner
