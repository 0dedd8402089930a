#include "daemon/devices/nic_types.h"
#include "daemon/network/bridge_filter.h"
#include "schema/error.h"
#include "schema/values.h"

namespace devices {

namespace {

struct Family {
    std::string name; // of options and of the kernel's settings
    const char* whole;
    const char* gateway; // of containers, on the host's end
};
const Family families[] = {{"ipv4", "/32", "169.254.0.1"}, {"ipv6", "/128", "fe80::1"}};

} // namespace

void RoutedNic::check() const {
    Device::check();
    for (const auto& [family, whole, gateway] : families) {
        const auto addresses = list(family + ".address");
        for (size_t index = 0; index < addresses.size(); ++index)
            if (std::find(addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(index),
                          addresses[index]) != addresses.begin() + static_cast<std::ptrdiff_t>(index))
                throw schema::bad_request("Duplicate address {} in {}", schema::quoted(addresses[index]),
                                          schema::quoted(family + ".address"));
        if (is_set(family + ".routes") && addresses.empty())
            throw schema::bad_request("{0}.routes requires {0}.address to be set", family);
    }
    if (!is_set("parent") && is_set("vlan"))
        throw schema::bad_request("The vlan setting can only be used when combined with a parent interface");
}

void require_setting(DeviceHost& host, const std::string& mode, const std::string& family, const std::string& interface,
                     const std::string& setting) {
    const auto value = host.network().setting(family + "/conf/" + interface + "/" + setting);
    if (!value) throw schema::failure("Error reading net sysctl net/{}/conf/{}/{}", family, interface, setting);
    if (*value == "1") return;
    auto shown = interface;
    std::replace(shown.begin(), shown.end(), '.', '/');
    throw schema::failure("{} requires sysctl net.{}.conf.{}.{}=1", mode, family, shown, setting);
}

void RoutedNic::check_host(const Owner& owner, DeviceHost& host) const {
    Nic::check_host(owner, host);
    if (!is_set("parent")) return;
    check_parent(host);
    const auto parent = VlanUser(options()).interface();
    if (is_set("vlan") && !host.network().find(parent)) return; // one that we make is made right
    const std::string mode = "Routed mode";
    if (is_set("ipv6.address")) {
        require_setting(host, mode, "ipv6", "all", "forwarding");
        require_setting(host, mode, "ipv6", "all", "proxy_ndp");
    }
    if (is_set("ipv4.address")) require_setting(host, mode, "ipv4", parent, "forwarding");
    if (!is_set("ipv6.address")) return;
    require_setting(host, mode, "ipv6", parent, "forwarding");
    require_setting(host, mode, "ipv6", parent, "proxy_ndp");
}

schema::Config RoutedNic::prepare(const Owner& owner, DeviceHost& host) const {
    auto changes = VethNic::prepare(owner, host);
    if (is_set("vlan"))
        changes.merge(
            to_remember({{"last_state.created", VlanUser(options()).is_ours(owner, host) ? "true" : "false"}}));
    return changes;
}

std::string RoutedNic::gateway(const std::string& family, const std::string& usual) const {
    const auto& chosen_address = option(family + ".host_address");
    return chosen_address.empty() ? usual : chosen_address;
}

bool RoutedNic::has_gateway(const std::string& family) const {
    return is_set(family + ".address") && option(family + ".gateway") != "none";
}

void prepare_vlan_parent(const schema::Device& options, DeviceHost& host) {
    const VlanUser vlan(options);
    if (!vlan.make(host)) return;
    auto& network = host.network();
    network.set_up(vlan.interface());
    if (!schema::get(options, "ipv4.address").empty())
        network.change_setting("ipv4/conf/" + vlan.interface() + "/forwarding", "1");
    if (schema::get(options, "ipv6.address").empty()) return;
    network.change_setting("ipv6/conf/" + vlan.interface() + "/forwarding", "1");
    network.change_setting("ipv6/conf/" + vlan.interface() + "/proxy_ndp", "1");
}

void RoutedNic::connect(const Owner& owner, DeviceHost& host, const std::string& host_name) const {
    auto& network = host.network();
    const auto parent = is_set("parent") ? VlanUser(options()).interface() : std::string();
    prepare_vlan_parent(options(), host);
    if (!parent.empty()) check_addresses_free(host, parent);
    network.set_up(host_name);
    network.change_setting("ipv6/conf/" + host_name + "/accept_ra", "0");
    network.change_setting("ipv4/conf/" + host_name + "/rp_filter", "1");
    network.apply_rules(network::reverse_path_filter(network::chain_label(owner.instance, name()), host_name));
    for (const auto& [family, whole, usual_gateway] : families) {
        const auto addresses = list(family + ".address");
        if (addresses.empty()) continue;
        network.add_address(host_name, gateway(family, usual_gateway) + whole);
        network.change_setting(fmt::format("{}/conf/{}/forwarding", family, host_name), "1");
        for (const auto& address : addresses) {
            network.add_route({host_name, address + whole, "", 0});
            if (const auto table = number(family + ".host_table"); table > 0)
                network.add_route({host_name, address + whole, "", static_cast<uint32_t>(table)});
            if (!parent.empty()) network.add_neighbour_proxy(parent, address);
        }
        for (const auto& route : list(family + ".routes")) network.add_route({host_name, route, addresses.front(), 0});
    }
}

void RoutedNic::check_addresses_free(DeviceHost& host, const std::string& parent) const {
    for (const auto& [family, whole, usual_gateway] : families) {
        if (schema::is_false(option(family + ".neighbor_probe"))) continue;
        for (const auto& address : list(family + ".address"))
            if (host.network().is_address_taken(parent, address))
                throw schema::failure("IP address {} in use on parent network {}", schema::quoted(address),
                                      schema::quoted(parent));
    }
}

void RoutedNic::disconnect(const Owner& owner, DeviceHost& host, const std::string&) const {
    auto& network = host.network();
    if (is_set("parent"))
        for (const auto& address : both_lists("address"))
            network.remove_neighbour_proxy(VlanUser(options()).interface(), address);
    if (remembered(owner, "last_state.created") == "true") VlanUser(options()).remove(owner, host);
    network.apply_rules(network::without_reverse_path_filter(network::chain_label(owner.instance, name())));
}

/// Its limits alone can change.
void RoutedNic::reconnect(const schema::Device&, const Owner&, DeviceHost&, const std::string&) const {}

std::vector<std::string> RoutedNic::kept_keys() const {
    return {"host_name", "last_state.created"};
}

Nic::Items RoutedNic::items(const Owner& owner, const std::string& made) const {
    auto items = Nic::items(owner, made);
    for (const auto& [family, whole, usual_gateway] : families) {
        if (has_gateway(family)) items.push_back({family + ".gateway", gateway(family, usual_gateway)});
        for (const auto& address : list(family + ".address"))
            // There is no broadcast on this link; the engine would invent an address for it.
            items.push_back({family + ".address", address + whole + (family == "ipv4" ? " 0.0.0.0" : "")});
    }
    return items;
}

void RoutedNic::configure_inside(const Owner& owner, DeviceHost& host) const {
    InsideAddresses inside{inside_name(owner), {}, {}};
    for (const auto& [family, whole, usual_gateway] : families) {
        for (const auto& address : list(family + ".address")) inside.addresses.push_back(address + whole);
        if (has_gateway(family)) inside.gateways.push_back(gateway(family, usual_gateway));
    }
    host.network().configure_inside(owner.instance, inside);
}

} // namespace devices
