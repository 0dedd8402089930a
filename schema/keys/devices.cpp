#include "schema/keys/devices.h"

#include <algorithm>
#include <array>
#include <string>

#include "schema/error.h"
#include "schema/keys/host_device_options.h"
#include "schema/network_checks.h"
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
    limits_egress, limits_ingress, limits_max, parents_mtu, inside_name, network, needed_parent,
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
    boot_priority, host_name, hwaddr, ipv4_routes, ipv6_routes, limits_egress, limits_ingress, limits_max, usual_mtu,
    inside_name,
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
    DeviceType{"nic", "p2p", p2p_options},
    DeviceType{"none", "", {}},
    DeviceType{"pci", "", device_options::pci},
    DeviceType{"tpm", "", device_options::tpm},
    DeviceType{"unix-block", "", device_options::unix_node},
    DeviceType{"unix-char", "", device_options::unix_node},
    DeviceType{"unix-hotplug", "", device_options::unix_hotplug},
    DeviceType{"usb", "", device_options::unix_hotplug},
    DeviceType{"unix-block", "", device_options::unix_node},
    DeviceType{"unix-char", "", device_options::unix_node},
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
