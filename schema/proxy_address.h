#pragma once
// Addresses of proxy devices: "tcp:127.0.0.1:80-82,90", "udp:[::1]:53", "unix:/run/a.sock", "unix:@abstract". Read by
// the device and by the process that serves it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace schema {

struct ProxyAddress {
    enum class Kind { tcp, udp, unix_socket };

    Kind kind = Kind::tcp;
    std::string address;         // an IP address, or empty; a path, or "@name"
    std::vector<uint16_t> ports; // none of a unix socket

    bool is_unix() const noexcept { return kind == Kind::unix_socket; }
    bool is_abstract() const noexcept { return is_unix() && address.starts_with('@'); }
    bool is_path() const noexcept { return is_unix() && !is_abstract(); }
};

/// Throws bad_request with LXD's text.
ProxyAddress parse_proxy_address(std::string_view text);

/// "tcp", "udp", "unix".
std::string_view kind_name(ProxyAddress::Kind kind) noexcept;

} // namespace schema
