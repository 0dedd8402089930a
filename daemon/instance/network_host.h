#pragma once
// The host's network as devices see it: the network room's functions, and the runtime for what reaches into containers.
// Part of RealDeviceHost.

#include "daemon/devices/network_host.h"
#include "daemon/instance/runtime.h"

namespace instance {

class RealNetworkHost final : public devices::NetworkHost {
public:
    explicit RealNetworkHost(Runtime& runtime) : runtime_(runtime) {}

    std::optional<devices::InterfaceState> find(const std::string& name) override;
    void create_veth(const devices::Veth& veth) override;
    void create_macvlan(const devices::Macvlan& macvlan) override;
    void create_vlan(const std::string& name, const std::string& parent, int id, bool gvrp) override;
    void check_ipvlan(const std::string& parent) override;
    void add_to_bridge(const std::string& name, const std::string& bridge) override;
    void isolate_port(const std::string& name) override;
    void join_vlans(const std::string& name, const std::string& bridge, const devices::PortVlans& vlans) override;
    void reflect_port(const std::string& name, bool ipv6) override;
    void set_up(const std::string& name) override;
    void set_down(const std::string& name) override;
    void set_mtu(const std::string& name, int mtu) override;
    void set_hwaddr(const std::string& name, const std::string& hwaddr) override;
    void remove_interface(const std::string& name) override;
    void add_address(const std::string& name, const std::string& address) override;
    void add_route(const devices::HostRoute& route) override;
    void remove_route(const devices::HostRoute& route) override;
    void add_neighbour_proxy(const std::string& name, const std::string& address) override;
    void remove_neighbour_proxy(const std::string& name, const std::string& address) override;
    bool is_address_taken(const std::string& name, const std::string& address) override;
    std::optional<std::string> setting(const std::string& name) override;
    void change_setting(const std::string& name, const std::string& value) override;
    void limit(const std::string& name, const devices::TrafficLimits& limits) override;
    void apply_rules(const std::string& commands) override;
    void attach_interface(const std::string& instance, const std::string& name, const std::string& inside) override;
    void detach_interface(const std::string& instance, const std::string& inside, const std::string& name) override;
    void configure_inside(const std::string& instance, const devices::InsideAddresses& wanted) override;
    devices::VirtualFunction free_virtual_function(const std::string& parent) override;
    void set_virtual_function(const std::string& parent, const devices::VirtualFunction& wanted) override;
    void start_proxy(const devices::ProxyOrder& order) override;
    void stop_proxy(const std::string& hold, const std::string& socket) override;
    bool is_proxy_running(const std::string& hold) override;

private:
    Runtime& runtime_;
};

} // namespace instance
