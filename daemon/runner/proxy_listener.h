#pragma once
// Sockets that a proxy listens on, made in the namespaces that the process is in. Caller: the proxy verb.

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "daemon/base/fd.h"
#include "schema/proxy_address.h"

namespace runner {

struct SocketOwner {
    std::optional<uid_t> uid;
    std::optional<gid_t> gid;
    mode_t mode = 0644;
};

/// One a port. A socket that is left at a path is replaced. `any_address`: also one that the interfaces do not have
/// yet. Throws std::runtime_error with LXD's words.
std::vector<base::Fd> listen_on(const schema::ProxyAddress& address, const SocketOwner& owner, bool any_address);

/// A socket that is connected, or about to be. Nothing and errno where that failed: EAGAIN where the target's queue is
/// full.
base::Fd connect_to(const schema::ProxyAddress& address, size_t port_index);

} // namespace runner
