#include "daemon/network/netlink.h"

#include <exception>
#include <thread>

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "daemon/base/fd.h"
#include "schema/error.h"

namespace network {

namespace {

struct FreeCache {
    void operator()(nl_cache* cache) const noexcept { nl_cache_free(cache); }
};
using Cache = std::unique_ptr<nl_cache, FreeCache>;

nl_sock* connected_socket() {
    nl_sock* socket = nl_socket_alloc();
    if (socket == nullptr) throw std::bad_alloc();
    // libnl asks for each message twice to learn its length; 32 KiB is what the kernel sends at most.
    nl_socket_set_msg_buf_size(socket, 32U << 10U);
    nl_socket_disable_msg_peek(socket);
    if (const int error = nl_connect(socket, NETLINK_ROUTE); error < 0) {
        nl_socket_free(socket);
        throw schema::failure("Failed opening a netlink socket: {}", nl_geterror(error));
    }
    return socket;
}

nl_sock* socket_in_namespace_of(pid_t pid) {
    const auto path = fmt::format("/proc/{}/ns/net", pid);
    const auto space = base::checked(open(path.c_str(), O_RDONLY | O_CLOEXEC), "open " + path);
    nl_sock* socket = nullptr;
    std::exception_ptr error;
    std::thread([&] {
        try {
            if (setns(space.get(), CLONE_NEWNET) != 0) throw std::system_error(errno, std::generic_category(), "setns");
            socket = connected_socket();
        } catch (...) {
            error = std::current_exception();
        }
    }).join();
    if (error) std::rethrow_exception(error);
    return socket;
}

schema::NetworkCounters counters_of(rtnl_link* link) {
    const auto stat = [link](rtnl_link_stat_id_t id) { return static_cast<int64_t>(rtnl_link_get_stat(link, id)); };
    schema::NetworkCounters counters;
    counters.bytes_received = stat(RTNL_LINK_RX_BYTES);
    counters.bytes_sent = stat(RTNL_LINK_TX_BYTES);
    counters.packets_received = stat(RTNL_LINK_RX_PACKETS);
    counters.packets_sent = stat(RTNL_LINK_TX_PACKETS);
    counters.errors_received = stat(RTNL_LINK_RX_ERRORS);
    counters.errors_sent = stat(RTNL_LINK_TX_ERRORS);
    counters.packets_dropped_inbound = stat(RTNL_LINK_RX_DROPPED);
    counters.packets_dropped_outbound = stat(RTNL_LINK_TX_DROPPED);
    return counters;
}

std::string hwaddr_of(rtnl_link* link) {
    nl_addr* address = rtnl_link_get_addr(link);
    if (address == nullptr || nl_addr_get_len(address) == 0) return {};
    char text[64];
    return nl_addr2str(address, text, sizeof text);
}

Interface interface_of(rtnl_link* link) {
    Interface found;
    found.index = rtnl_link_get_ifindex(link);
    found.name = rtnl_link_get_name(link);
    found.flags = rtnl_link_get_flags(link);
    found.mtu = static_cast<int>(rtnl_link_get_mtu(link));
    found.hwaddr = hwaddr_of(link);
    // Only with a namespace of its own is the link another end; a VLAN's is its parent in the same namespace.
    int32_t space = 0;
    if (rtnl_link_get_link_netnsid(link, &space) == 0) found.peer_index = rtnl_link_get_link(link);
    found.counters = counters_of(link);
    return found;
}

void add_address(std::vector<Interface>& interfaces, rtnl_addr* address) {
    nl_addr* local = rtnl_addr_get_local(address);
    if (local == nullptr) return;
    char text[INET6_ADDRSTRLEN];
    const int family = nl_addr_get_family(local);
    if (inet_ntop(family, nl_addr_get_binary_addr(local), text, sizeof text) == nullptr) return;
    for (auto& interface : interfaces) {
        if (interface.index != rtnl_addr_get_ifindex(address)) continue;
        interface.addresses.push_back({family, text, rtnl_addr_get_prefixlen(address)});
    }
}

/// LXD tells the scope from the text of the address, not from the kernel's own idea of it.
std::string scope_of(const std::string& address) {
    if (address.starts_with("127") || address == "::1") return "local";
    if (address.starts_with("169.254") || address.starts_with("fe80:")) return "link";
    return "global";
}

std::string type_of(unsigned flags) {
    if ((flags & IFF_POINTOPOINT) != 0) return "point-to-point";
    if ((flags & IFF_LOOPBACK) != 0) return "loopback";
    if ((flags & IFF_BROADCAST) != 0) return "broadcast";
    return "unknown";
}

} // namespace

void Netlink::Free::operator()(nl_sock* socket) const noexcept {
    nl_socket_free(socket);
}

Netlink::Netlink() : socket_(connected_socket()) {}

Netlink::Netlink(pid_t pid) try : socket_(socket_in_namespace_of(pid)) {
} catch (const std::system_error& error) {
    throw schema::failure("Failed entering the network namespace of process {}: {}", pid, error.code().message());
}

std::vector<Interface> Netlink::interfaces() {
    nl_cache* dumped = nullptr;
    if (const int error = rtnl_link_alloc_cache(socket_.get(), AF_UNSPEC, &dumped); error < 0) {
        throw schema::failure("Failed listing network interfaces: {}", nl_geterror(error));
    }
    const Cache links(dumped);
    if (const int error = rtnl_addr_alloc_cache(socket_.get(), &dumped); error < 0) {
        throw schema::failure("Failed listing network addresses: {}", nl_geterror(error));
    }
    const Cache addresses(dumped);

    std::vector<Interface> interfaces;
    for (auto* object = nl_cache_get_first(links.get()); object != nullptr; object = nl_cache_get_next(object)) {
        interfaces.push_back(interface_of(reinterpret_cast<rtnl_link*>(object)));
    }
    for (auto* object = nl_cache_get_first(addresses.get()); object != nullptr; object = nl_cache_get_next(object)) {
        add_address(interfaces, reinterpret_cast<rtnl_addr*>(object));
    }
    return interfaces;
}

std::string host_interface(int index) {
    const base::Fd any(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    request.ifr_ifindex = index;
    return any && ioctl(any.get(), SIOCGIFNAME, &request) == 0 ? request.ifr_name : "";
}

std::map<std::string, schema::NetworkState> network_state(const std::vector<Interface>& interfaces,
                                                          const std::function<std::string(int)>& host_name) {
    std::map<std::string, schema::NetworkState> states;
    for (const auto& interface : interfaces) {
        schema::NetworkState state;
        for (const auto& address : interface.addresses) {
            state.addresses.push_back({address.family == AF_INET6 ? "inet6" : "inet", address.text,
                                       std::to_string(address.prefix), scope_of(address.text)});
        }
        state.counters = interface.counters;
        if ((interface.flags & IFF_LOOPBACK) == 0) state.hwaddr = interface.hwaddr;
        if (interface.peer_index > 0) state.host_name = host_name(interface.peer_index);
        state.mtu = interface.mtu;
        state.state = (interface.flags & IFF_UP) != 0 ? "up" : "down";
        state.type = type_of(interface.flags);
        states.emplace(interface.name, std::move(state));
    }
    return states;
}

} // namespace network
