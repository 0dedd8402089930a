#include "daemon/devices/nic_types.h"
#include "schema/error.h"
#include "schema/network_checks.h"
#include "schema/values.h"

namespace devices {

namespace {

/// Of the l2 mode: with a network, or an address alone.
std::string with_network(const std::string& address, const char* usual) {
    return address.find('/') == std::string::npos ? address + usual : address;
}

void l2_address(std::string_view address) {
    const auto slash = address.find('/');
    const std::string host(address.substr(0, slash));
    const int most = schema::is_ipv4(host) ? 32 : 128;
    const auto prefix =
        slash == std::string::npos ? most : schema::parse_integer(address.substr(slash + 1)).value_or(-1);
    if ((schema::is_ipv4(host) || schema::is_ipv6(host)) && prefix >= 0 && prefix <= most) return;
    throw schema::bad_request("invalid CIDR address: {}", address);
}

void l2_addresses(std::string_view list) {
    for (const auto part : schema::split(list, ',')) l2_address(schema::stripped(part));
}

} // namespace

bool IpvlanNic::is_l2() const {
    return option("mode") == "l2";
}

void IpvlanNic::check() const {
    Device::check();
    const auto check_option = [&](const std::string& key, schema::Check check_value) {
        try {
            if (is_set(key)) check_value(option(key));
        } catch (const schema::Error& error) {
            throw schema::bad_request("Invalid value for device option {}: {}", schema::quoted(key), error.what());
        }
    };
    if (is_l2()) {
        check_option("ipv4.gateway", schema::checks::ipv4_address);
        check_option("ipv6.gateway", schema::checks::ipv6_address);
        check_option("ipv4.address", l2_addresses);
        check_option("ipv6.address", l2_addresses);
    } else {
        for (const auto* key : {"ipv4.gateway", "ipv6.gateway"}) check_option(key, schema::checks::gateway);
        check_option("ipv4.address", schema::checks::list_of<schema::checks::ipv4_address>);
        check_option("ipv6.address", schema::checks::list_of<schema::checks::ipv6_address>);
    }
}

void IpvlanNic::check_host(const Owner& owner, DeviceHost& host) const {
    Nic::check_host(owner, host);
    if (!host.network().find(option("parent")))
        throw schema::bad_request("Parent device '{}' doesn't exist", option("parent"));
    host.network().check_ipvlan(option("parent"));
    const auto parent = VlanUser(options()).interface();
    if (is_l2() || (is_set("vlan") && !host.network().find(parent))) return;
    const std::string mode = "IPVLAN in L3S mode";
    if (is_set("ipv4.address")) require_setting(host, mode, "ipv4", parent, "forwarding");
    if (!is_set("ipv6.address")) return;
    require_setting(host, mode, "ipv6", parent, "forwarding");
    require_setting(host, mode, "ipv6", parent, "proxy_ndp");
}

schema::Config IpvlanNic::prepare(const Owner& owner, DeviceHost& host) const {
    // The engine makes the interface inside; what is remembered is that it was started.
    return to_remember({{"host_name", "lxd" + host.random_hex(8)},
                        {"last_state.created", VlanUser(options()).is_ours(owner, host) ? "true" : "false"}});
}

std::string IpvlanNic::make(const Owner&, DeviceHost& host) const {
    prepare_vlan_parent(options(), host);
    return VlanUser(options()).interface();
}

void IpvlanNic::unmake(const Owner& owner, DeviceHost& host) const {
    if (remembered(owner, "last_state.created") == "true") VlanUser(options()).remove(owner, host);
}

std::vector<std::string> IpvlanNic::kept_keys() const {
    return {"host_name", "last_state.created"};
}

Nic::Items IpvlanNic::items(const Owner& owner, const std::string& made) const {
    Items items = {{"type", "ipvlan"},
                   {"flags", "up"},
                   {"link", made},
                   {"name", inside_name(owner)},
                   {"ipvlan.mode", is_l2() ? "l2" : "l3s"},
                   {"ipvlan.isolation", "bridge"}};
    if (!is_l2()) items.push_back({"l2proxy", "1"});
    if (is_set("mtu")) items.push_back({"mtu", option("mtu")});
    for (const auto& [family, whole, usual] :
         {std::tuple<std::string, const char*, const char*>("ipv4", "/32", "/24"), {"ipv6", "/128", "/64"}}) {
        const auto addresses = list(family + ".address");
        for (const auto& address : addresses)
            items.push_back({family + ".address", is_l2() ? with_network(address, usual) : address + whole});
        const auto& gateway = option(family + ".gateway");
        if (addresses.empty()) continue;
        if (is_l2() && !gateway.empty()) items.push_back({family + ".gateway", gateway});
        if (!is_l2() && gateway != "none") items.push_back({family + ".gateway", "dev"});
    }
    return items;
}

schema::Config IpvlanNic::attach(const Owner&, DeviceHost&) const {
    throw schema::failure("Device cannot be started when instance is running");
}

schema::Config IpvlanNic::detach(const Owner&, DeviceHost&) const {
    throw schema::failure("Device cannot be stopped when instance is running");
}

} // namespace devices
