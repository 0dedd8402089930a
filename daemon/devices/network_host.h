#pragma once
// What network and proxy devices act on: interfaces, routes and rules of the host, and what reaches into a running
// container. The daemon's is in instance/network_host; tests use a fake. All throw schema::Error.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace devices {

/// A pair of interfaces, made in the host's namespace; both ends are down.
struct Veth {
    std::string host_name;
    std::string peer;   // becomes the container's
    std::string hwaddr; // of the peer
    int mtu = 0;        // of both; 0: the kernel's default
};

/// An interface of its own on top of another one; it is down.
struct Macvlan {
    std::string name;
    std::string parent;
    std::string hwaddr; // empty: random
    int mtu = 0;        // 0: the parent's
};

struct InterfaceState {
    int mtu = 0;
    std::string hwaddr;
};

struct HostRoute {
    std::string interface;
    std::string network; // "192.0.2.0/24"
    std::string via;     // next hop; empty: none
    uint32_t table = 0;  // 0: the main one
};

/// Bits per second; 0: as many as there can be.
struct TrafficLimits {
    int64_t ingress = 0; // into the container
    int64_t egress = 0;

    bool operator==(const TrafficLimits&) const = default;
};

/// Membership of a bridge port in VLANs.
struct PortVlans {
    std::string untagged; // an id, "none", or empty: as the bridge has it
    std::vector<int> tagged;
};

/// One of a card's virtual functions (SR-IOV).
struct VirtualFunction {
    std::string interface;
    int id = 0;
    std::string hwaddr; // that it is held to; empty: any
    int vlan = 0;       // 0: none
    bool spoof_check = false;
};

/// What an interface is given in a running container, where it is brought up.
struct InsideAddresses {
    std::string interface;
    std::vector<std::string> addresses; // "192.0.2.1/32"
    std::vector<std::string> gateways;  // of IPv4 and of IPv6, on the interface's link
};

/// A process that carries connections between the host and a container.
struct ProxyOrder {
    std::string instance;
    std::string hold;               // file that the process keeps locked while it lives
    std::vector<std::string> words; // what comes after it, see runner/verbs.h
};

class NetworkHost {
public:
    virtual ~NetworkHost() = default;

    virtual std::optional<InterfaceState> find(const std::string& name) = 0;
    virtual void create_veth(const Veth& veth) = 0;
    virtual void create_macvlan(const Macvlan& macvlan) = 0;
    virtual void create_vlan(const std::string& name, const std::string& parent, int id, bool gvrp) = 0;
    /// Throws what the kernel says where it cannot make an ipvlan on the parent.
    virtual void check_ipvlan(const std::string& parent) = 0;
    virtual void add_to_bridge(const std::string& name, const std::string& bridge) = 0;
    /// Keeps a bridge's port from talking to other ports like it.
    virtual void isolate_port(const std::string& name) = 0;
    virtual void join_vlans(const std::string& name, const std::string& bridge, const PortVlans& vlans) = 0;
    /// Lets a port's packets leave where they came in. Nothing happens where rules do not see bridged packets.
    virtual void reflect_port(const std::string& name, bool ipv6) = 0;
    virtual void set_up(const std::string& name) = 0;
    virtual void set_down(const std::string& name) = 0;
    virtual void set_mtu(const std::string& name, int mtu) = 0;
    virtual void set_hwaddr(const std::string& name, const std::string& hwaddr) = 0;
    /// Not an error when it is not there. A veth's other end goes too.
    virtual void remove_interface(const std::string& name) = 0;

    virtual void add_address(const std::string& name, const std::string& address) = 0; // "192.0.2.1/32"
    virtual void add_route(const HostRoute& route) = 0;
    /// Not an error when it is not there.
    virtual void remove_route(const HostRoute& route) = 0;
    /// Answers for an address on behalf of a container.
    virtual void add_neighbour_proxy(const std::string& name, const std::string& address) = 0;
    /// Not an error when it is not there.
    virtual void remove_neighbour_proxy(const std::string& name, const std::string& address) = 0;
    /// Whether somebody on the interface's network has the address. Waits a tenth of a second for an answer.
    virtual bool is_address_taken(const std::string& name, const std::string& address) = 0;

    /// "ipv4/conf/eth0/forwarding" -> "1"; nothing where the kernel has no such setting.
    virtual std::optional<std::string> setting(const std::string& name) = 0;
    /// Ignored where the kernel has no such setting.
    virtual void change_setting(const std::string& name, const std::string& value) = 0;

    /// Replaces what was set before for the host's end of a container's interface. Without limits it is not an error
    /// when the interface is not there.
    virtual void limit(const std::string& name, const TrafficLimits& limits) = 0;
    /// Has the firewall take commands (nft's), all or none.
    virtual void apply_rules(const std::string& commands) = 0;

    /// Moves an interface of the host into a running container.
    virtual void attach_interface(const std::string& instance, const std::string& name, const std::string& inside) = 0;
    /// And back.
    virtual void detach_interface(const std::string& instance, const std::string& inside, const std::string& name) = 0;
    virtual void configure_inside(const std::string& instance, const InsideAddresses& wanted) = 0;

    /// One that nobody uses. Throws what LXD says where the parent has none.
    virtual VirtualFunction free_virtual_function(const std::string& parent) = 0;
    virtual void set_virtual_function(const std::string& parent, const VirtualFunction& wanted) = 0;

    /// Returns once the process serves; it stays when the daemon ends and goes when the container does.
    virtual void start_proxy(const ProxyOrder& order) = 0;
    /// Ends the process that holds the file, and removes that and the socket that it may have left; nothing happens
    /// where there is none.
    virtual void stop_proxy(const std::string& hold, const std::string& socket) = 0;
    virtual bool is_proxy_running(const std::string& hold) = 0;
};

} // namespace devices
