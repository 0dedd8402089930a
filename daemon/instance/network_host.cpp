#include "daemon/instance/network_host.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/stale_socket.h"
#include "daemon/instance/holder.h"
#include "daemon/network/bridge_port.h"
#include "daemon/network/link.h"
#include "daemon/network/probe.h"
#include "daemon/network/route.h"
#include "daemon/network/rules.h"
#include "daemon/network/sriov.h"
#include "daemon/network/traffic.h"
#include "schema/error.h"

namespace instance {

namespace {

constexpr std::chrono::milliseconds probe_time{100};

std::string setting_path(const std::string& name) {
    return "/proc/sys/net/" + name;
}

network::Route route_of(const devices::HostRoute& route) {
    return {route.interface, route.network, route.via, route.table};
}

} // namespace

std::optional<devices::InterfaceState> RealNetworkHost::find(const std::string& name) {
    const auto link = network::find_link(name);
    if (!link) return std::nullopt;
    return devices::InterfaceState{link->mtu, link->hwaddr};
}

void RealNetworkHost::create_veth(const devices::Veth& veth) {
    network::create_veth(veth.host_name, veth.peer, {veth.hwaddr, veth.mtu});
}

void RealNetworkHost::create_macvlan(const devices::Macvlan& macvlan) {
    network::create_macvlan(macvlan.name, macvlan.parent, {macvlan.hwaddr, macvlan.mtu});
}

void RealNetworkHost::create_vlan(const std::string& name, const std::string& parent, int id, bool gvrp) {
    network::create_vlan(name, parent, id, gvrp);
}

void RealNetworkHost::check_ipvlan(const std::string& parent) {
    network::check_ipvlan(parent);
}

void RealNetworkHost::add_to_bridge(const std::string& name, const std::string& bridge) {
    network::set_master(name, bridge);
}

void RealNetworkHost::isolate_port(const std::string& name) {
    network::isolate_port(name);
}

void RealNetworkHost::join_vlans(const std::string& name, const std::string& bridge, const devices::PortVlans& vlans) {
    network::join_vlans(name, bridge, vlans.untagged, vlans.tagged);
}

void RealNetworkHost::reflect_port(const std::string& name, bool ipv6) {
    if (network::bridge_netfilter_lack(ipv6).empty()) network::reflect_port(name);
}

void RealNetworkHost::set_up(const std::string& name) {
    network::set_up(name);
}

void RealNetworkHost::set_down(const std::string& name) {
    network::set_down(name);
}

void RealNetworkHost::set_mtu(const std::string& name, int mtu) {
    network::set_mtu(name, mtu);
}

void RealNetworkHost::set_hwaddr(const std::string& name, const std::string& hwaddr) {
    network::set_hwaddr(name, hwaddr);
}

void RealNetworkHost::remove_interface(const std::string& name) {
    network::remove_link(name);
}

void RealNetworkHost::add_address(const std::string& name, const std::string& address) {
    network::add_address(name, address);
}

void RealNetworkHost::add_route(const devices::HostRoute& route) {
    network::add_route(route_of(route));
}

void RealNetworkHost::remove_route(const devices::HostRoute& route) {
    network::remove_route(route_of(route));
}

void RealNetworkHost::add_neighbour_proxy(const std::string& name, const std::string& address) {
    network::add_neighbour_proxy(name, address);
}

void RealNetworkHost::remove_neighbour_proxy(const std::string& name, const std::string& address) {
    network::remove_neighbour_proxy(name, address);
}

bool RealNetworkHost::is_address_taken(const std::string& name, const std::string& address) {
    return network::is_address_taken(name, address, probe_time);
}

std::optional<std::string> RealNetworkHost::setting(const std::string& name) {
    const auto text = base::read_file_if_exists(setting_path(name));
    if (!text) return std::nullopt;
    return std::string(base::trimmed(*text));
}

void RealNetworkHost::change_setting(const std::string& name, const std::string& value) {
    const base::Fd file(::open(setting_path(name).c_str(), O_WRONLY | O_CLOEXEC));
    if (!file && errno == ENOENT) return;
    if (!file || ::write(file.get(), value.data(), value.size()) < 0)
        throw schema::failure("Failed setting net/{} to {}: {}", name, value, std::strerror(errno));
}

void RealNetworkHost::limit(const std::string& name, const devices::TrafficLimits& limits) {
    if (limits == devices::TrafficLimits()) return network::unlimit_traffic(name);
    // What the container receives is what the host's end sends.
    network::limit_traffic(name, {limits.ingress, limits.egress});
}

void RealNetworkHost::apply_rules(const std::string& commands) {
    network::apply_rules(commands);
}

void RealNetworkHost::attach_interface(const std::string& instance, const std::string& name,
                                       const std::string& inside) {
    runtime_.attach_interface(instance, name, inside);
}

void RealNetworkHost::detach_interface(const std::string& instance, const std::string& inside,
                                       const std::string& name) {
    runtime_.detach_interface(instance, inside, name);
}

void RealNetworkHost::configure_inside(const std::string& instance, const devices::InsideAddresses& wanted) {
    const auto running = runtime_.find(instance);
    if (!running) throw schema::bad_request("Instance \"{}\" is not running", instance);
    const network::Netlink inside(running->init_pid);
    const int index = network::set_up_in(inside, wanted.interface);
    for (const auto& address : wanted.addresses) network::add_address(inside, index, address);
    for (const auto& gateway : wanted.gateways) {
        const bool six = gateway.find(':') != std::string::npos;
        network::add_route(inside, index, {wanted.interface, gateway + (six ? "/128" : "/32"), "", 0});
        network::add_route(inside, index, {wanted.interface, six ? "default6" : "default", gateway, 0});
    }
}

devices::VirtualFunction RealNetworkHost::free_virtual_function(const std::string& parent) {
    const auto found = network::free_virtual_function(parent);
    return {found.interface, found.id, found.hwaddr, found.vlan, found.spoof_check};
}

void RealNetworkHost::set_virtual_function(const std::string& parent, const devices::VirtualFunction& wanted) {
    network::set_virtual_function(parent,
                                  {wanted.interface, wanted.id, wanted.hwaddr, wanted.vlan, wanted.spoof_check});
}

void RealNetworkHost::start_proxy(const devices::ProxyOrder& order) {
    runtime_.start_proxy(order.instance, order.hold, order.words);
}

void RealNetworkHost::stop_proxy(const std::string& hold, const std::string& socket) {
    end_holder(hold);
    if (!socket.empty()) base::remove_stale_socket(socket);
}

bool RealNetworkHost::is_proxy_running(const std::string& hold) {
    return holder_of(hold) > 0;
}

} // namespace instance
