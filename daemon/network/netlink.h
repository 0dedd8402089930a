#pragma once
// Interfaces and addresses of a network namespace over rtnetlink. instance/report keeps one of these for each running
// container; nic devices use link.h.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "schema/api/instance.h"

struct nl_sock;

namespace network {

struct Address {
    int family = 0;   // AF_INET or AF_INET6
    std::string text; // without the prefix
    int prefix = 0;   // bits
};

struct Interface {
    int index = 0;
    std::string name;
    unsigned flags = 0; // IFF_*
    int mtu = 0;
    std::string hwaddr; // "00:16:3e:..."; empty where it has none
    int peer_index = 0; // of a veth's other end, in the namespace where that is; 0: it has none elsewhere
    schema::NetworkCounters counters;
    std::vector<Address> addresses;
};

/// A socket that stays bound to the namespace it was made in. One thread at a time.
class Netlink {
public:
    /// In our own namespace.
    Netlink();
    /// In the namespace of a process. Starts a thread for a moment, because the caller's own must not change. Throws
    /// schema::failure, for instance when the process is gone. While this lives, so does the namespace.
    explicit Netlink(pid_t pid);
    Netlink(Netlink&&) noexcept = default;
    Netlink& operator=(Netlink&&) noexcept = default;

    /// Two dumps: links and addresses, in the kernel's order. Throws schema::failure.
    std::vector<Interface> interfaces();

    nl_sock* get() const noexcept { return socket_.get(); }

private:
    struct Free {
        void operator()(nl_sock* socket) const noexcept;
    };
    std::unique_ptr<nl_sock, Free> socket_;
};

/// The name of an interface of the host by its index; empty where there is none.
std::string host_interface(int index);

/// As LXD 5.0.2 renders it: by interface name. `host_name` names the interface of the host by its index.
std::map<std::string, schema::NetworkState> network_state(const std::vector<Interface>& interfaces,
                                                          const std::function<std::string(int)>& host_name);

} // namespace network
