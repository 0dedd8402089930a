#include "schema/keys/devices.h"

#include <algorithm>
#include <array>
#include <string>

#include "schema/error.h"
#include "schema/keys/host_device_options.h"
#include "schema/network_checks.h"
#include "schema/proxy_address.h"
#include "schema/values.h"

namespace schema {

namespace {

using namespace checks;

/// A line that is set.
void is_set_line(std::string_view value) {
    is_set(value);
    one_line(value);
}

void each_vlan_range(std::string_view list) {
    for (const auto part : split(list, ','))
        if (const auto range = stripped(part); !range.empty()) parse_vlan_range(range);
}

void ipvlan_mode(std::string_view value) {
    if (value != "l3s" && value != "l2") throw bad_request("Must be one of: l3s, l2");
}

void proxy_side(std::string_view value) {
    if (value != "host" && value != "instance" && value != "guest" && value != "container")
        throw bad_request("Invalid binding side given. Must be \"host\" or \"instance\"");
}

void proxy_address(std::string_view value) {
    parse_proxy_address(value);
}

// clang-format off
// Options that several kinds of network devices have.
constexpr DeviceOption boot_priority{"boot.priority", optional<uint32>, "integer", "", true, "", "Boot order (virtual machines)"};
constexpr DeviceOption host_name{"host_name", optional<interface_name>, "string", "random", false, "", "Name of the host's side"};
constexpr DeviceOption hwaddr{"hwaddr", optional<mac_address>, "string", "random", false, "", "MAC address"};
constexpr DeviceOption parents_hwaddr{"hwaddr", optional<mac_address>, "string", "the parent's", false, "", "MAC address"};
constexpr DeviceOption parents_mtu{"mtu", optional<checks::mtu>, "integer", "the parent's", false, "", "Largest packet"};
constexpr DeviceOption usual_mtu{"mtu", optional<checks::mtu>, "integer", "1500", false, "", "Largest packet"};
constexpr DeviceOption inside_name{"name", optional<interface_name>, "string", "next free ethN", false, "", "Name in the instance"};
constexpr DeviceOption network{"network", any, "string", "", false, "instance_nic_network", "Managed network to be part of"};
constexpr DeviceOption needed_parent{"parent", is_set_line, "string", "", false, "", "Interface of the host to use"};
constexpr DeviceOption limits_egress{"limits.egress", optional<bits>, "string", "", true, "", "What the instance may send, in bit/s"};
constexpr DeviceOption limits_ingress{"limits.ingress", optional<bits>, "string", "", true, "", "What the instance may receive, in bit/s"};
constexpr DeviceOption limits_max{"limits.max", optional<bits>, "string", "", true, "", "Both limits at once"};
constexpr DeviceOption limits_priority{"limits.priority", optional<uint32>, "integer", "", true, "instances_nic_limits_priority",
                                       "Priority of what the instance sends, as the host's queueing disciplines read it"};
constexpr DeviceOption ipv4_routes{"ipv4.routes", optional<list_of<ipv4_network>>, "string", "", true, "container_nic_routes",
                                   "IPv4 networks that the host reaches through the instance"};
constexpr DeviceOption ipv6_routes{"ipv6.routes", optional<list_of<ipv6_network>>, "string", "", true, "container_nic_routes",
                                   "IPv6 networks that the host reaches through the instance"};

constexpr std::array bridged_options = {
    boot_priority, host_name, hwaddr,
    DeviceOption{"ipv4.address", optional<or_none<ipv4_address>>, "string", "", true, "network",
                 "IPv4 address that filtering lets through"},
    ipv4_routes,
    DeviceOption{"ipv4.routes.external", optional<list_of<ipv4_network>>, "string", "", true, "network_bgp",
                 "More IPv4 networks, for the networks outside"},
    DeviceOption{"ipv6.address", optional<or_none<ipv6_address>>, "string", "", true, "network",
                 "IPv6 address that filtering lets through"},
    ipv6_routes,
    DeviceOption{"ipv6.routes.external", optional<list_of<ipv6_network>>, "string", "", true, "network_bgp",
                 "More IPv6 networks, for the networks outside"},
    limits_egress, limits_ingress, limits_max, limits_priority, parents_mtu, inside_name, network,
    needed_parent,
    DeviceOption{"security.ipv4_filtering", optional<boolean>, "bool", "false", true, "container_nic_ipfilter",
                 "Let only packets from ipv4.address through"},
    DeviceOption{"security.ipv6_filtering", optional<boolean>, "bool", "false", true, "container_nic_ipfilter",
                 "Let only packets from ipv6.address through"},
    DeviceOption{"security.mac_filtering", optional<boolean>, "bool", "false", true, "network",
                 "Let only packets from the instance's MAC address through"},
    DeviceOption{"security.port_isolation", optional<boolean>, "bool", "false", false, "nic_port_isolation",
                 "Keep the instance from others with this option"},
    DeviceOption{"vlan", optional<or_none<vlan>>, "integer", "", false, "instance_nic_bridged_vlan",
                 "VLAN of packets without a tag, or none"},
    DeviceOption{"vlan.tagged", optional<each_vlan_range>, "integer", "", false, "instance_nic_bridged_vlan",
                 "VLANs of packets with a tag"},
};

constexpr std::array p2p_options = {
    boot_priority, host_name, hwaddr, ipv4_routes, ipv6_routes, limits_egress, limits_ingress, limits_max,
    limits_priority, usual_mtu, inside_name,
};

constexpr DeviceOption gvrp{"gvrp", optional<boolean>, "bool", "false", false, "container_nic_gvrp", "Register the VLAN with switches"};
constexpr DeviceOption parents_vlan{"vlan", optional<vlan>, "integer", "", false, "network_vlan", "VLAN of the parent to use"};
constexpr DeviceOption ipv4_table{"ipv4.host_table", optional<uint32>, "integer", "", false, "container_nic_routed_host_table",
                                  "Routing table of the host to add the IPv4 addresses to, besides the main one"};
constexpr DeviceOption ipv6_table{"ipv6.host_table", optional<uint32>, "integer", "", false, "container_nic_routed_host_table",
                                  "Routing table of the host to add the IPv6 addresses to, besides the main one"};

constexpr std::array macvlan_options = {
    boot_priority, gvrp, hwaddr, parents_mtu, inside_name, network, needed_parent, parents_vlan,
};

constexpr std::array physical_options = {
    boot_priority, gvrp, parents_hwaddr, parents_mtu, inside_name, network, needed_parent, parents_vlan,
};

constexpr std::array sriov_options = {
    boot_priority, hwaddr, parents_mtu, inside_name, network, needed_parent,
    DeviceOption{"security.mac_filtering", optional<boolean>, "bool", "false", false, "network",
                 "Let only packets from the instance's MAC address through"},
    parents_vlan,
};

constexpr std::array routed_options = {
    gvrp, host_name, hwaddr,
    DeviceOption{"ipv4.address", optional<list_of<ipv4_address>>, "string", "", false, "container_nic_routed",
                 "IPv4 addresses of the instance"},
    DeviceOption{"ipv4.gateway", optional<gateway>, "string", "auto", false, "container_nic_routed_gateway",
                 "Whether there is a default route for IPv4: auto, none"},
    DeviceOption{"ipv4.host_address", optional<ipv4_address>, "string", "169.254.0.1", false,
                 "container_nic_routed_host_address", "IPv4 address of the host's side"},
    ipv4_table,
    DeviceOption{"ipv4.neighbor_probe", optional<boolean>, "bool", "true", false, "instance_nic_routed_neighbor_probe",
                 "Ask the parent's network whether the IPv4 addresses are taken"},
    DeviceOption{"ipv4.routes", optional<list_of<ipv4_network>>, "string", "", false, "container_nic_routes",
                 "IPv4 networks that the host reaches through the instance"},
    DeviceOption{"ipv6.address", optional<list_of<ipv6_address>>, "string", "", false, "container_nic_routed",
                 "IPv6 addresses of the instance"},
    DeviceOption{"ipv6.gateway", optional<gateway>, "string", "auto", false, "container_nic_routed_gateway",
                 "Whether there is a default route for IPv6: auto, none"},
    DeviceOption{"ipv6.host_address", optional<ipv6_address>, "string", "fe80::1", false,
                 "container_nic_routed_host_address", "IPv6 address of the host's side"},
    ipv6_table,
    DeviceOption{"ipv6.neighbor_probe", optional<boolean>, "bool", "true", false, "instance_nic_routed_neighbor_probe",
                 "Ask the parent's network whether the IPv6 addresses are taken"},
    DeviceOption{"ipv6.routes", optional<list_of<ipv6_network>>, "string", "", false, "container_nic_routes",
                 "IPv6 networks that the host reaches through the instance"},
    limits_egress, limits_ingress, limits_max, limits_priority, parents_mtu, inside_name,
    DeviceOption{"parent", one_line, "string", "", false, "", "Interface of the host that the addresses are to be on"},
    parents_vlan,
};

constexpr std::array ipvlan_options = {
    gvrp, hwaddr,
    DeviceOption{"ipv4.address", one_line, "string", "", false, "container_nic_ipvlan", "IPv4 addresses of the instance"},
    DeviceOption{"ipv4.gateway", one_line, "string", "auto", false, "container_nic_ipvlan_gateway",
                 "In l3s mode whether there is a default route for IPv4 (auto, none), in l2 mode the gateway"},
    ipv4_table,
    DeviceOption{"ipv6.address", one_line, "string", "", false, "container_nic_ipvlan", "IPv6 addresses of the instance"},
    DeviceOption{"ipv6.gateway", one_line, "string", "auto", false, "container_nic_ipvlan_gateway",
                 "In l3s mode whether there is a default route for IPv6 (auto, none), in l2 mode the gateway"},
    ipv6_table,
    DeviceOption{"mode", optional<ipvlan_mode>, "string", "l3s", false, "container_nic_ipvlan_mode", "l3s or l2"},
    parents_mtu, inside_name, needed_parent, parents_vlan,
};

constexpr std::array proxy_options = {
    DeviceOption{"bind", optional<proxy_side>, "string", "host", false, "proxy", "Where to listen: host, instance"},
    DeviceOption{"connect", proxy_address, "string", "", false, "proxy", "TYPE:ADDRESS[:PORTS] to connect to"},
    DeviceOption{"gid", optional<unix_id>, "integer", "0", false, "proxy_unix", "Group of the unix socket"},
    DeviceOption{"listen", proxy_address, "string", "", false, "proxy", "TYPE:ADDRESS[:PORTS] to listen on"},
    DeviceOption{"mode", optional<octal_mode>, "integer", "0644", false, "proxy_unix", "Mode of the unix socket"},
    DeviceOption{"nat", optional<boolean>, "bool", "false", false, "proxy_nat", "Have the firewall forward instead"},
    DeviceOption{"proxy_protocol", optional<boolean>, "bool", "false", false, "proxy_haproxy_protocol",
                 "Tell the target, in HAProxy's protocol, who connects"},
    DeviceOption{"security.gid", optional<unix_id>, "integer", "0", false, "proxy_priv_drop", "Group to connect as"},
    DeviceOption{"security.uid", optional<unix_id>, "integer", "0", false, "proxy_priv_drop", "User to connect as"},
    DeviceOption{"uid", optional<unix_id>, "integer", "0", false, "proxy_unix", "Owner of the unix socket"},
};

constexpr std::array types = {
    DeviceType{"disk", "", device_options::disk},
    DeviceType{"gpu", "mdev", device_options::gpu_mdev},
    DeviceType{"gpu", "mig", device_options::gpu_mig},
    DeviceType{"gpu", "physical", device_options::gpu_physical},
    DeviceType{"gpu", "sriov", device_options::gpu_sriov},
    DeviceType{"infiniband", "physical", device_options::infiniband},
    DeviceType{"infiniband", "sriov", device_options::infiniband},
    DeviceType{"nic", "bridged", bridged_options},
    DeviceType{"nic", "ipvlan", ipvlan_options},
    DeviceType{"nic", "macvlan", macvlan_options},
    DeviceType{"nic", "p2p", p2p_options},
    DeviceType{"nic", "physical", physical_options},
    DeviceType{"nic", "routed", routed_options},
    DeviceType{"nic", "sriov", sriov_options},
    DeviceType{"proxy", "", proxy_options},
    DeviceType{"none", "", {}},
    DeviceType{"pci", "", device_options::pci},
    DeviceType{"tpm", "", device_options::tpm},
    DeviceType{"unix-block", "", device_options::unix_node},
    DeviceType{"unix-char", "", device_options::unix_node},
    DeviceType{"unix-hotplug", "", device_options::unix_hotplug},
    DeviceType{"usb", "", device_options::unix_hotplug},
};
// clang-format on

/// The option that says which kind of this type a device is; empty where there is one kind.
std::string_view subtype_option(std::string_view type) {
    if (type == "nic" || type == "infiniband") return "nictype";
    return type == "gpu" ? "gputype" : "";
}

std::string subtype_of(const Device& device) {
    const auto& type = get(device, "type");
    const std::string option(subtype_option(type));
    auto subtype = option.empty() ? "" : get(device, option);
    if (type == "nic" && subtype.empty() && !get(device, "network").empty()) return "bridged";
    // LXD takes a card for a whole one whatever else is said of it.
    if (type == "gpu" && subtype != "mdev" && subtype != "mig" && subtype != "sriov") return "physical";
    return subtype;
}

bool belongs_to_all(std::string_view option, const DeviceType& type) {
    return option == "type" || option.starts_with("user.") || option == subtype_option(type.type);
}

const DeviceOption* find(const DeviceType& type, std::string_view option) {
    const auto found = std::find_if(type.options.begin(), type.options.end(),
                                    [&](const DeviceOption& row) { return row.name == option; });
    return found == type.options.end() ? nullptr : &*found;
}

} // namespace

std::span<const DeviceType> device_types() noexcept {
    return types;
}

const DeviceType& device_type_of(const Device& device) {
    const auto& type = get(device, "type");
    if (type.empty()) throw bad_request("Missing device type in config");
    const auto subtype = subtype_of(device);
    for (const auto& row : types) {
        if (row.type == type && row.subtype == subtype) return row;
    }
    throw bad_request("Unsupported device type");
}

void check_device_options(const Device& device) {
    const auto& type = device_type_of(device);
    for (const auto& option : type.options) {
        try {
            option.check(get(device, std::string(option.name)));
        } catch (const Error& error) {
            throw bad_request("Invalid value for device option {}: {}", quoted(option.name), error.what());
        }
    }
    for (const auto& [option, value] : device) {
        if (belongs_to_all(option, type) || find(type, option) != nullptr) continue;
        throw bad_request("Invalid device option {}", quoted(option));
    }
}

bool may_change_live(const Device& before, const Device& after) {
    const auto& type = device_type_of(after);
    if (&device_type_of(before) != &type) return false;
    const auto same_or_live = [&](const Device& from, const Device& to) {
        return std::all_of(from.begin(), from.end(), [&](const auto& member) {
            if (get(to, member.first) == member.second || member.first.starts_with("user.")) return true;
            const auto* option = find(type, member.first);
            return option != nullptr && option->live;
        });
    };
    return same_or_live(before, after) && same_or_live(after, before);
}

} // namespace schema
