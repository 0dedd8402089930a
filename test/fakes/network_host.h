#pragma once
// A host's network for devices that records what was done to it. Part of FakeDeviceHost.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/devices/network_host.h"
#include "schema/error.h"

namespace fakes {

/// What was done, in order.
struct Actions {
    std::vector<std::string> list;
    std::string fails_at; // the action (its first word) that throws

    void act(const std::string& action) {
        if (!fails_at.empty() && action.starts_with(fails_at + " "))
            throw schema::failure("The host failed: {}", action);
        list.push_back(action);
    }
};

class FakeNetworkHost final : public devices::NetworkHost {
public:
    explicit FakeNetworkHost(std::shared_ptr<Actions> actions) : actions_(std::move(actions)) {}

    std::map<std::string, devices::InterfaceState> interfaces;
    std::map<std::string, std::string> settings;
    std::set<std::string> taken_addresses;
    std::map<std::string, devices::TrafficLimits> limits; // those that are set
    std::string rules;                                    // the last ones
    std::vector<devices::VirtualFunction> functions;      // free ones
    std::set<std::string> proxies;                        // that run, by the file they hold

    std::optional<devices::InterfaceState> find(const std::string& name) override {
        const auto found = interfaces.find(name);
        if (found == interfaces.end()) return std::nullopt;
        return found->second;
    }
    void create_veth(const devices::Veth& veth) override {
        act("veth {} {} {} {}", veth.host_name, veth.peer, veth.hwaddr, veth.mtu);
        interfaces[veth.host_name] = {veth.mtu, ""};
        interfaces[veth.peer] = {veth.mtu, veth.hwaddr};
        peers_[veth.host_name] = veth.peer;
    }
    void create_macvlan(const devices::Macvlan& macvlan) override {
        act("macvlan {} {} {} {}", macvlan.name, macvlan.parent, macvlan.hwaddr, macvlan.mtu);
        interfaces[macvlan.name] = {macvlan.mtu, macvlan.hwaddr};
    }
    void create_vlan(const std::string& name, const std::string& parent, int id, bool gvrp) override {
        act("vlan {} {} {}{}", name, parent, id, gvrp ? " gvrp" : "");
        interfaces[name] = interfaces[parent];
    }
    void check_ipvlan(const std::string& parent) override { act("check-ipvlan {}", parent); }
    void add_to_bridge(const std::string& name, const std::string& bridge) override {
        act("bridge {} {}", name, bridge);
    }
    void isolate_port(const std::string& name) override { act("isolate {}", name); }
    void join_vlans(const std::string& name, const std::string& bridge, const devices::PortVlans& vlans) override {
        act("vlans {} {} {} {}", name, bridge, vlans.untagged, fmt::join(vlans.tagged, ","));
    }
    void reflect_port(const std::string& name, bool) override { act("reflect {}", name); }
    void set_up(const std::string& name) override { act("up {}", name); }
    void set_down(const std::string& name) override { act("down {}", name); }
    void set_mtu(const std::string& name, int mtu) override {
        act("mtu {} {}", name, mtu);
        interfaces.at(name).mtu = mtu;
    }
    void set_hwaddr(const std::string& name, const std::string& hwaddr) override {
        act("hwaddr {} {}", name, hwaddr);
        interfaces.at(name).hwaddr = hwaddr;
    }
    void remove_interface(const std::string& name) override {
        interfaces.erase(name);
        interfaces.erase(peers_[name]);
    }
    void add_address(const std::string& name, const std::string& address) override {
        act("address {} {}", name, address);
    }
    void add_route(const devices::HostRoute& route) override {
        act("route {} {} {} {}", route.interface, route.network, route.via, route.table);
    }
    void remove_route(const devices::HostRoute& route) override {
        act("no-route {} {}", route.interface, route.network);
    }
    void add_neighbour_proxy(const std::string& name, const std::string& address) override {
        act("neighbour {} {}", name, address);
    }
    void remove_neighbour_proxy(const std::string& name, const std::string& address) override {
        act("no-neighbour {} {}", name, address);
    }
    bool is_address_taken(const std::string&, const std::string& address) override {
        return taken_addresses.contains(address);
    }
    std::optional<std::string> setting(const std::string& name) override {
        const auto found = settings.find(name);
        if (found == settings.end()) return std::nullopt;
        return found->second;
    }
    void change_setting(const std::string& name, const std::string& value) override {
        act("set {}={}", name, value);
        settings[name] = value;
    }
    void limit(const std::string& name, const devices::TrafficLimits& wanted) override {
        limits.erase(name);
        if (wanted == devices::TrafficLimits()) return;
        act("limit {} {} {}", name, wanted.ingress, wanted.egress);
        limits[name] = wanted;
    }
    void apply_rules(const std::string& commands) override {
        act("rules {}", commands.size());
        rules = commands;
    }
    void attach_interface(const std::string& instance, const std::string& name, const std::string& inside) override {
        act("attach {} {} {}", instance, name, inside);
        inside_[instance + " " + inside] = interfaces[name];
        interfaces.erase(name);
    }
    void detach_interface(const std::string& instance, const std::string& inside, const std::string& name) override {
        act("detach {} {} {}", instance, inside, name);
        interfaces[name] = inside_[instance + " " + inside];
    }

    void configure_inside(const std::string& instance, const devices::InsideAddresses& wanted) override {
        act("inside {} {} {} {}", instance, wanted.interface, fmt::join(wanted.addresses, ","),
            fmt::join(wanted.gateways, ","));
    }
    devices::VirtualFunction free_virtual_function(const std::string& parent) override {
        if (functions.empty()) throw schema::failure("Parent device \"{}\" doesn't support SR-IOV", parent);
        return functions.front();
    }
    void set_virtual_function(const std::string& parent, const devices::VirtualFunction& wanted) override {
        act("function {} {} {} {}{}", parent, wanted.id, wanted.hwaddr, wanted.vlan,
            wanted.spoof_check ? " spoof" : "");
    }
    void start_proxy(const devices::ProxyOrder& order) override {
        act("proxy {} {} {}", order.instance, order.hold, fmt::join(order.words, " "));
        proxies.insert(order.hold);
    }
    void stop_proxy(const std::string& hold, const std::string& socket) override {
        act("no-proxy {} {}", hold, socket);
        proxies.erase(hold);
    }
    bool is_proxy_running(const std::string& hold) override { return proxies.contains(hold); }

private:
    template <class... Args> void act(fmt::format_string<Args...> text, Args&&... args) {
        actions_->act(fmt::format(text, std::forward<Args>(args)...));
    }

    std::shared_ptr<Actions> actions_;
    std::map<std::string, std::string> peers_;
    std::map<std::string, devices::InterfaceState> inside_; // by instance and name
};

} // namespace fakes
