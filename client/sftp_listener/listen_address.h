#pragma once
// Where to listen: "host:port", understood and shown as LXD's client does, which follows Go's rules. Callers: main,
// Clients.

#include <string>
#include <string_view>

#include "daemon/base/fd.h"

struct sockaddr_storage;

namespace client {

struct HostPort {
    std::string host;
    std::string port;

    bool operator==(const HostPort&) const = default;
};

/// Splits "host:port" and "[host]:port"; each part may be empty. Throws bad_request in Go's words.
HostPort split_host_port(std::string_view text);
/// "127.0.0.1:22" or "[::1]:22"; an IPv4 address that came over IPv6 is shown as IPv4.
std::string shown_address(const sockaddr_storage& address);
/// A socket that listens. Port 0 or none: one that is free; no host, "0.0.0.0" and "[::]": all addresses of both
/// families. Throws with "listen tcp ...: " before the cause.
base::Fd listen_on(const std::string& address);
/// What a socket is bound to.
std::string local_address(int socket);

} // namespace client
