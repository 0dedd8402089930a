#pragma once
// Addresses, routes and answers on behalf of others, of interfaces of a network namespace. Callers: the device host,
// for nic devices. All throw schema::failure that names what was tried and the cause.

#include <cstdint>
#include <string>

#include "daemon/network/netlink.h"

namespace network {

struct Route {
    std::string interface;
    std::string network; // "192.0.2.0/24", "default" for all IPv4 and "default6" for all IPv6 addresses
    std::string via;     // next hop; empty: the network is on the interface's link
    uint32_t table = 0;  // 0: the main one
};

/// "192.0.2.1/24"; usable at once.
void add_address(const Netlink& netlink, int interface, const std::string& address);
/// Who has a default route keeps it.
void add_route(const Netlink& netlink, int interface, const Route& route);

void add_address(const std::string& interface, const std::string& address);
void add_route(const Route& route);
/// Not an error when the route or its interface is not there.
void remove_route(const Route& route);
/// The interface answers for an address as if it had it (proxy ARP and NDP).
void add_neighbour_proxy(const std::string& interface, const std::string& address);
/// Not an error when it is not there.
void remove_neighbour_proxy(const std::string& interface, const std::string& address);

} // namespace network
