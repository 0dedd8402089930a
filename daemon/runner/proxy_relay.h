#pragma once
// Carries what arrives at listening sockets to a target and back: one thread, thousands of connections. Caller: the
// proxy verb.

#include <vector>

#include "daemon/base/fd.h"
#include "schema/proxy_address.h"

namespace runner {

struct RelayOrder {
    schema::ProxyAddress listen;
    schema::ProxyAddress connect;
    bool proxy_protocol = false; // tell the target, first, who connects
};

/// Returns when `end` is readable (a signal) or has ended (a pidfd). `listeners` are those of the order's ports, and do
/// not block.
void relay(const RelayOrder& order, std::vector<base::Fd> listeners, const std::vector<int>& ends);

/// "PROXY TCP4 198.51.100.1 192.0.2.1 5555 80\r\n" for an accepted connection.
std::string proxy_header(int connection);

} // namespace runner
