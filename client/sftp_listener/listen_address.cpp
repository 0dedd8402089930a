#include "client/sftp_listener/listen_address.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "schema/error.h"
#include "schema/values.h"

namespace client {

namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    throw schema::bad_request("listen tcp: address {}: {}", text, why);
}

std::string joined(std::string_view host, uint16_t port) {
    return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port)
                                                    : fmt::format("[{}]:{}", host, port);
}

std::string cause() {
    std::string text = std::generic_category().message(errno);
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

template <class Sockaddr> Address address_of(const Sockaddr& address) {
    Address result;
    std::memcpy(&result.storage, &address, sizeof address);
    result.size = sizeof address;
    return result;
}

Address ipv4(in_addr host, uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr = host;
    return address_of(address);
}

Address ipv6(in6_addr host, uint16_t port) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = host;
    return address_of(address);
}

using Found = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Found look_up(const char* host, const char* service, int& error) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    error = ::getaddrinfo(host, service, &hints, &list);
    return {error == 0 ? list : nullptr, &::freeaddrinfo};
}

uint16_t port_number(const std::string& port) {
    if (port.empty()) return 0;
    if (const auto number = schema::parse_integer(port)) {
        if (*number < 0 || *number > 65535) refuse(port, "invalid port");
        return static_cast<uint16_t>(*number);
    }
    int error = 0;
    const auto found = look_up(nullptr, port.c_str(), error);
    if (!found) throw schema::bad_request("listen tcp: address tcp/{}: unknown port", port);
    sockaddr_in address{}; // the port lies at the same place in both families
    std::memcpy(&address, found->ai_addr, std::min<size_t>(found->ai_addrlen, sizeof address));
    return ntohs(address.sin_port);
}

/// The first IPv4 address of a host, or else the first of any.
Address host_address(const std::string& host, uint16_t port) {
    int error = 0;
    const auto found = look_up(host.c_str(), nullptr, error);
    if (!found) {
        throw schema::bad_request("listen tcp: lookup {}: {}", host,
                                  error == EAI_NONAME ? "no such host" : ::gai_strerror(error));
    }
    const auto* chosen = found.get();
    for (const auto* entry = found.get(); entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family != AF_INET) continue;
        chosen = entry;
        break;
    }
    Address result;
    result.size = chosen->ai_addrlen;
    std::memcpy(&result.storage, chosen->ai_addr, result.size);
    if (result.storage.ss_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, chosen->ai_addr, sizeof address);
        return ipv4(address.sin_addr, port);
    }
    sockaddr_in6 address{};
    std::memcpy(&address, chosen->ai_addr, sizeof address);
    address.sin6_port = htons(port);
    std::memcpy(&result.storage, &address, sizeof address);
    return result;
}

/// Nothing, with errno, where it cannot be had.
base::Fd try_to_listen(const Address& address) {
    base::Fd socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return {};
    const int on = 1;
    const int off = 0;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.storage.ss_family == AF_INET6) {
        ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    const auto* plain = reinterpret_cast<const sockaddr*>(&address.storage);
    if (::bind(socket.get(), plain, address.size) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) return {};
    return socket;
}

bool means_all(const std::string& host) {
    in_addr v4{};
    in6_addr v6{};
    if (host.empty()) return true;
    if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return v4.s_addr == INADDR_ANY;
    return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_UNSPECIFIED(&v6);
}

} // namespace

HostPort split_host_port(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) refuse(text, "missing port in address");
    auto host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    if (host.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) refuse(text, "missing ']' in address");
        if (end + 1 != colon) {
            const bool more = end + 1 < text.size() && text[end + 1] == ':';
            refuse(text, more ? "too many colons in address" : "missing port in address");
        }
        host = text.substr(1, end - 1);
    } else if (host.find(':') != std::string_view::npos) {
        refuse(text, "too many colons in address");
    }
    for (const char bracket : {'[', ']'}) {
        if (host.find(bracket) == std::string_view::npos && port.find(bracket) == std::string_view::npos) continue;
        refuse(text, fmt::format("unexpected '{}' in address", bracket));
    }
    return {std::string(host), std::string(port)};
}

std::string shown_address(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
        return joined(text.data(), ntohs(v4.sin_port));
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        ::inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text.data(), text.size());
    } else {
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
    return joined(text.data(), ntohs(v6.sin6_port));
}

base::Fd listen_on(const std::string& address) {
    const auto [host, port] = split_host_port(address);
    const auto number = port_number(port);
    const bool all = means_all(host);
    const auto wanted = all ? ipv6(in6addr_any, number) : host_address(host, number);
    auto socket = try_to_listen(wanted);
    const bool no_ipv6 = !socket && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL);
    if (all && no_ipv6) socket = try_to_listen(ipv4({INADDR_ANY}, number));
    if (socket) return socket;
    const auto why = cause();
    const auto shown = all ? joined(host, number) : shown_address(wanted.storage);
    throw schema::bad_request("listen tcp {}: bind: {}", shown, why);
}

std::string local_address(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw std::system_error(errno, std::generic_category(), "getsockname");
    }
    return shown_address(address);
}

} // namespace client
