#include <algorithm>
#include <array>

#include "daemon/devices/nic_types.h"
#include "daemon/network/bridge_filter.h"
#include "daemon/network/bridge_port.h"
#include "schema/error.h"
#include "schema/network_checks.h"
#include "schema/values.h"

namespace devices {

namespace {

struct Family {
    const char* words;
    std::string address; // of options
    std::string filtering;
    std::string routes;
    const char* whole; // an address's own prefix
};
const Family families[] = {
    {"IPv4", "ipv4.address", "security.ipv4_filtering", "ipv4.routes", "/32"},
    {"IPv6", "ipv6.address", "security.ipv6_filtering", "ipv6.routes", "/128"},
};

bool is_filtered(const schema::Device& options) {
    return std::ranges::any_of(
        std::array{"security.mac_filtering", "security.ipv4_filtering", "security.ipv6_filtering"},
        [&](const char* key) { return schema::is_true(schema::get(options, key)); });
}

} // namespace

void BridgedNic::check() const {
    for (const auto& family : families) {
        const bool filters = schema::is_true(option(family.filtering));
        if (filters && !is_set(family.address))
            throw schema::bad_request(
                "{} filtering requires a manually specified {} when using an unmanaged parent bridge", family.words,
                family.address);
        if (!filters && is_set(family.address))
            throw schema::bad_request("Cannot use manually specified {} when using unmanaged parent bridge",
                                      family.address);
        if (filters && (is_set("vlan") || is_set("vlan.tagged")))
            throw schema::bad_request("IP filtering cannot be used with VLAN filtering");
    }
    Device::check();
    for (const auto& id : list("vlan.tagged"))
        if (id == option("vlan"))
            throw schema::bad_request("Invalid value for device option \"vlan.tagged\": Tagged VLAN ID {} cannot be "
                                      "the same as untagged VLAN ID",
                                      schema::quoted(id));
}

void BridgedNic::check_host(const Owner& owner, DeviceHost& host) const {
    Nic::check_host(owner, host);
    check_parent(host);
}

std::vector<HostRoute> BridgedNic::routes() const {
    std::vector<HostRoute> routes;
    for (const auto* key : {"routes", "routes.external"})
        for (auto& network : both_lists(key)) routes.push_back({option("parent"), std::move(network), "", 0});
    return routes;
}

void BridgedNic::filter(const Owner& owner, DeviceHost& host, const std::string& host_name) const {
    if (schema::is_true(option("security.ipv6_filtering")))
        if (const auto lack = network::bridge_netfilter_lack(true); !lack.empty())
            throw schema::failure("security.ipv6_filtering requires bridge netfilter: {}", lack);
    network::BridgePort port{network::chain_label(owner.instance, name()), host_name, chosen(owner, "hwaddr"), {}, {}};
    for (const auto& family : families) {
        if (!schema::is_true(option(family.filtering))) continue;
        auto& allowed = (&family == families ? port.ipv4 : port.ipv6).emplace();
        if (option(family.address) == "none") continue;
        allowed.push_back(option(family.address) + family.whole);
        for (const auto* more : {"", ".external"})
            for (auto& network : list(family.routes + more)) allowed.push_back(std::move(network));
    }
    host.network().apply_rules(network::bridge_filter(port));
}

bool BridgedNic::is_plain() const {
    return !has_limits() && !is_filtered(options()) && routes().empty() &&
           !schema::is_true(option("security.port_isolation")) && !is_set("vlan") && !is_set("vlan.tagged");
}

/// The host needs no address of its own on a port.
void BridgedNic::finish_plain(DeviceHost& host, const std::string& host_name) const {
    host.network().change_setting("ipv6/conf/" + host_name + "/disable_ipv6", "1");
    host.network().change_setting("ipv6/conf/" + host_name + "/accept_ra", "0");
}

void BridgedNic::connect(const Owner& owner, DeviceHost& host, const std::string& host_name) const {
    auto& network = host.network();
    for (const auto& route : routes()) network.add_route(route);
    finish_plain(host, host_name);
    if (is_filtered(options())) filter(owner, host, host_name);
    network.add_to_bridge(host_name, option("parent"));
    if (schema::is_true(option("security.port_isolation"))) network.isolate_port(host_name);
    if (!is_set("vlan") && !is_set("vlan.tagged")) return;
    PortVlans vlans{option("vlan"), {}};
    for (const auto& range : list("vlan.tagged"))
        for (auto [id, last] = schema::parse_vlan_range(range); id <= last; ++id) vlans.tagged.push_back(id);
    if (vlans.untagged == "0") throw schema::failure("VLAN ID 0 is not allowed for native Linux bridges");
    if (std::ranges::find(vlans.tagged, 0) != vlans.tagged.end())
        throw schema::failure("VLAN tagged ID 0 is not allowed for native Linux bridges");
    network.join_vlans(host_name, option("parent"), vlans);
}

void BridgedNic::disconnect(const Owner& owner, DeviceHost& host, const std::string&) const {
    for (const auto& route : routes()) host.network().remove_route(route);
    if (is_filtered(options()))
        host.network().apply_rules(network::without_bridge_filter(network::chain_label(owner.instance, name())));
}

void BridgedNic::reconnect(const schema::Device& before, const Owner& owner, DeviceHost& host,
                           const std::string& host_name) const {
    const BridgedNic old(name(), before);
    for (const auto& route : old.routes()) host.network().remove_route(route);
    for (const auto& route : routes()) host.network().add_route(route);
    if (is_filtered(options()))
        filter(owner, host, host_name);
    else if (is_filtered(before))
        host.network().apply_rules(network::without_bridge_filter(network::chain_label(owner.instance, name())));
}

} // namespace devices
