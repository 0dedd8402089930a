#include "schema/keys/devices.h"

#include <algorithm>
#include <array>
#include <string>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

namespace {

using namespace checks;

/// How mounts of a disk and its source follow each other (mount_namespaces(7)).
void propagation(std::string_view value) {
    constexpr std::array<std::string_view, 8> kinds = {"private", "shared", "slave",       "unbindable",
                                                       "rshared", "rslave", "runbindable", "rprivate"};
    if (std::find(kinds.begin(), kinds.end(), value) == kinds.end()) {
        throw bad_request("Invalid propagation value. Must be one of: , private, shared, slave, unbindable, rshared, "
                          "rslave, runbindable, rprivate");
    }
}

// clang-format off
constexpr std::array disk_options = {
    DeviceOption{"optional", optional<boolean>, "bool", "false", false, "", "Older name of required=false"},
    DeviceOption{"path", one_line, "string", "", false, "", "Where the disk is in the instance; / is its root"},
    DeviceOption{"pool", any, "string", "", false, "storage", "Storage pool of the root disk"},
    DeviceOption{"propagation", optional<propagation>, "string", "private", false, "container_mount_propagation",
                 "How mounts below the source and in the instance follow each other"},
    DeviceOption{"readonly", optional<boolean>, "bool", "false", false, "", "Do not let the instance write"},
    DeviceOption{"recursive", optional<boolean>, "bool", "false", false, "", "Take mounts below the source along"},
    DeviceOption{"required", optional<boolean>, "bool", "true", false, "", "Fail where the source is missing"},
    DeviceOption{"shift", optional<boolean>, "bool", "false", false, "container_disk_shift",
                 "Map the owners of files to the instance's ids"},
    DeviceOption{"source", one_line, "string", "", false, "", "File or folder on the host"},
};

constexpr std::array bridged_options = {
    DeviceOption{"boot.priority", optional<uint32>, "integer", "", true, "", "Boot order (virtual machines)"},
    DeviceOption{"host_name", optional<interface_name>, "string", "random", false, "", "Name of the host's side"},
    DeviceOption{"hwaddr", optional<mac_address>, "string", "random", false, "", "MAC address"},
    DeviceOption{"mtu", optional<checks::mtu>, "integer", "as the parent's", false, "", "Largest packet"},
    DeviceOption{"name", optional<interface_name>, "string", "next free ethN", false, "", "Name in the instance"},
    DeviceOption{"network", any, "string", "", false, "instance_nic_network", "Managed network to be part of"},
    DeviceOption{"parent", one_line, "string", "", false, "", "Bridge on the host"},
};

constexpr std::array p2p_options = {
    DeviceOption{"boot.priority", optional<uint32>, "integer", "", true, "", "Boot order (virtual machines)"},
    DeviceOption{"host_name", optional<interface_name>, "string", "random", false, "", "Name of the host's side"},
    DeviceOption{"hwaddr", optional<mac_address>, "string", "random", false, "", "MAC address"},
    DeviceOption{"mtu", optional<checks::mtu>, "integer", "1500", false, "", "Largest packet"},
    DeviceOption{"name", optional<interface_name>, "string", "next free ethN", false, "", "Name in the instance"},
};

constexpr std::array types = {
    DeviceType{"disk", "", disk_options},
    DeviceType{"nic", "bridged", bridged_options},
    DeviceType{"nic", "p2p", p2p_options},
    DeviceType{"none", "", {}},
};
// clang-format on

bool belongs_to_all(std::string_view option, const DeviceType& type) {
    return option == "type" || option.starts_with("user.") || (option == "nictype" && type.type == "nic");
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
    auto subtype = type == "nic" ? get(device, "nictype") : std::string();
    if (type == "nic" && subtype.empty() && !get(device, "network").empty()) subtype = "bridged";
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
