#include "schema/proxy_address.h"

#include <array>
#include <utility>

#include <arpa/inet.h>
#include <sys/un.h>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

namespace {

constexpr std::array<std::pair<std::string_view, ProxyAddress::Kind>, 3> kinds = {{
    {"tcp", ProxyAddress::Kind::tcp},
    {"udp", ProxyAddress::Kind::udp},
    {"unix", ProxyAddress::Kind::unix_socket},
}};

ProxyAddress::Kind kind_of(std::string_view name) {
    for (const auto& [known, kind] : kinds)
        if (known == name) return kind;
    throw bad_request("Unknown protocol type {}", quoted(name));
}

bool is_ip_address(const std::string& text) {
    in6_addr address{};
    return inet_pton(AF_INET, text.c_str(), &address) == 1 || inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

/// "127.0.0.1:80" or "[::1]:80".
std::pair<std::string_view, std::string_view> host_and_ports(std::string_view text) {
    const auto fail = [&](std::string_view reason) { return bad_request("address {}: {}", text, reason); };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) throw fail("missing port in address");
    if (text.front() != '[') {
        if (text.find(':') != colon) throw fail("too many colons in address");
        return {text.substr(0, colon), text.substr(colon + 1)};
    }
    const auto end = text.find(']');
    if (end == std::string_view::npos) throw fail("missing ']' in address");
    if (end + 1 == text.size()) throw fail("missing port in address");
    if (end + 1 != colon) throw fail("too many colons in address");
    return {text.substr(1, end - 1), text.substr(colon + 1)};
}

int port_in(std::string_view text) {
    const auto port = parse_integer(text);
    if (!port) throw bad_request("strconv.ParseInt: parsing {}: invalid syntax", quoted(text));
    if (*port < 0 || *port > UINT16_MAX) throw bad_request("Out of port number range (0-65535) {}", quoted(text));
    return static_cast<int>(*port);
}

void add_ports(std::string_view range, std::vector<uint16_t>& ports) {
    const auto ends = split(range, '-');
    if (ends.size() > 2) throw bad_request("Invalid port range {}", quoted(range));
    const int first = port_in(ends.front());
    const int last = port_in(ends.back());
    if (ends.size() == 2 && last <= first) throw bad_request("End port should be higher than start port");
    for (int port = first; port <= last; ++port) ports.push_back(static_cast<uint16_t>(port));
}

} // namespace

ProxyAddress parse_proxy_address(std::string_view text) {
    const auto colon = text.find(':');
    ProxyAddress parsed;
    parsed.kind = kind_of(text.substr(0, colon));
    const auto rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    if (rest.empty()) throw bad_request("Missing address");
    if (rest.find('\0') != std::string_view::npos) throw bad_request("Invalid address {}", quoted(rest));
    if (parsed.is_unix()) {
        parsed.address = rest;
        if (rest.size() >= sizeof(sockaddr_un::sun_path))
            throw bad_request("The unix socket's address {} is too long", quoted(rest));
        return parsed;
    }
    const auto [host, ports] = host_and_ports(rest);
    parsed.address = host;
    if (!host.empty() && !is_ip_address(parsed.address)) throw bad_request("Not an IP address {}", quoted(host));
    for (const auto range : split(ports, ',')) add_ports(range, parsed.ports);
    return parsed;
}

std::string_view kind_name(ProxyAddress::Kind kind) noexcept {
    for (const auto& [name, known] : kinds)
        if (known == kind) return name;
    return {};
}

} // namespace schema
