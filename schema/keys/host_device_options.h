#pragma once
// The options of devices that give a container something of the host other than a network: rows of the table in
// devices.cpp, which alone includes this.

#include <array>

#include "schema/checks.h"
#include "schema/keys/devices.h"

namespace schema::device_options {

using namespace checks;

/// A line that is set.
inline void set_line(std::string_view value) {
    is_set(value);
    one_line(value);
}

// clang-format off
inline constexpr std::array disk = {
    DeviceOption{"boot.priority", optional<uint32>, "integer", "", true, "", "Boot order (virtual machines)"},
    DeviceOption{"ceph.cluster_name", any, "string", "ceph", false, "", "Ceph cluster (not supported)"},
    DeviceOption{"ceph.user_name", any, "string", "admin", false, "", "Ceph user (not supported)"},
    DeviceOption{"limits.max", optional<disk_limit>, "string", "", true, "", "Limit of reading and of writing"},
    DeviceOption{"limits.read", optional<disk_limit>, "string", "", true, "", "Bytes or operations (iops) read a second"},
    DeviceOption{"limits.write", optional<disk_limit>, "string", "", true, "",
                 "Bytes or operations (iops) written a second"},
    DeviceOption{"optional", optional<boolean>, "bool", "false", false, "", "Older name of required=false"},
    DeviceOption{"path", one_line, "string", "", false, "", "Where the disk is in the instance; / is its root"},
    DeviceOption{"pool", any, "string", "", false, "storage", "Storage pool of the root disk"},
    DeviceOption{"propagation", optional<propagation>, "string", "private", false, "container_mount_propagation",
                 "How mounts below the source and in the instance follow each other"},
    DeviceOption{"raw.mount.options", one_line, "string", "", false, "container_raw_mount",
                 "Options of the mount, separated by commas"},
    DeviceOption{"readonly", optional<boolean>, "bool", "false", false, "", "Do not let the instance write"},
    DeviceOption{"recursive", optional<boolean>, "bool", "false", false, "", "Take mounts below the source along"},
    DeviceOption{"required", optional<boolean>, "bool", "true", false, "", "Fail where the source is missing"},
    DeviceOption{"shift", optional<boolean>, "bool", "false", false, "container_disk_shift",
                 "Map the owners of files to the instance's ids"},
    DeviceOption{"size", optional<size>, "string", "", true, "", "Size of the root disk"},
    DeviceOption{"size.state", optional<size>, "string", "", true, "", "Size of the state (virtual machines)"},
    DeviceOption{"source", one_line, "string", "", false, "", "File, folder or block device on the host"},
};

inline constexpr std::array unix_node = { // unix-char and unix-block
    DeviceOption{"gid", optional<unix_id>, "integer", "0", false, "", "Group in the instance"},
    DeviceOption{"major", optional<device_number>, "integer", "as on the host", false, "", "Major number"},
    DeviceOption{"minor", optional<device_number>, "integer", "as on the host", false, "", "Minor number"},
    DeviceOption{"mode", optional<file_mode>, "integer", "0660", false, "", "Permissions in the instance, octal"},
    DeviceOption{"path", one_line, "string", "the source", false, "", "Path in the instance"},
    DeviceOption{"required", optional<boolean>, "bool", "true", false, "", "Fail where the source is missing"},
    DeviceOption{"source", optional<path_in_dev>, "string", "the path", false, "unix_device_rename",
                 "Path on the host"},
    DeviceOption{"uid", optional<unix_id>, "integer", "0", false, "", "Owner in the instance"},
};

inline constexpr std::array unix_hotplug = { // and usb
    DeviceOption{"gid", optional<unix_id>, "integer", "0", false, "", "Group in the instance"},
    DeviceOption{"mode", optional<file_mode>, "integer", "0660", false, "", "Permissions in the instance, octal"},
    DeviceOption{"productid", optional<device_id>, "string", "", false, "", "Product, four hexadecimal digits"},
    DeviceOption{"required", optional<boolean>, "bool", "false", false, "", "Fail where there is no such device"},
    DeviceOption{"uid", optional<unix_id>, "integer", "0", false, "", "Owner in the instance"},
    DeviceOption{"vendorid", optional<device_id>, "string", "", false, "", "Vendor, four hexadecimal digits"},
};

inline constexpr std::array gpu_physical = {
    DeviceOption{"gid", optional<unix_id>, "integer", "0", false, "", "Group in the instance"},
    DeviceOption{"id", any, "string", "", false, "", "Number of the card on the host"},
    DeviceOption{"mode", optional<file_mode>, "integer", "0660", false, "", "Permissions in the instance, octal"},
    DeviceOption{"pci", optional<pci_address>, "string", "", false, "", "PCI address"},
    DeviceOption{"productid", optional<device_id>, "string", "", false, "", "Product, four hexadecimal digits"},
    DeviceOption{"uid", optional<unix_id>, "integer", "0", false, "", "Owner in the instance"},
    DeviceOption{"vendorid", optional<device_id>, "string", "", false, "", "Vendor, four hexadecimal digits"},
};

inline constexpr std::array gpu_mig = {
    DeviceOption{"id", any, "string", "", false, "gpu_mig", "Number of the card on the host"},
    DeviceOption{"mig.ci", optional<byte>, "integer", "", false, "gpu_mig", "Compute instance"},
    DeviceOption{"mig.gi", optional<byte>, "integer", "", false, "gpu_mig", "GPU instance"},
    DeviceOption{"mig.uuid", optional<mig_uuid>, "string", "", false, "gpu_mig", "MIG device"},
    DeviceOption{"pci", optional<pci_address>, "string", "", false, "gpu_mig", "PCI address"},
    DeviceOption{"productid", optional<device_id>, "string", "", false, "gpu_mig", "Product, four hexadecimal digits"},
    DeviceOption{"vendorid", optional<device_id>, "string", "", false, "gpu_mig", "Vendor, four hexadecimal digits"},
};

inline constexpr std::array gpu_mdev = { // virtual machines
    DeviceOption{"id", any, "string", "", false, "gpu_mdev", "Number of the card on the host"},
    DeviceOption{"mdev", set_line, "string", "", false, "gpu_mdev", "Profile"},
    DeviceOption{"pci", optional<pci_address>, "string", "", false, "gpu_mdev", "PCI address"},
    DeviceOption{"productid", optional<device_id>, "string", "", false, "gpu_mdev", "Product, four hexadecimal digits"},
    DeviceOption{"vendorid", optional<device_id>, "string", "", false, "gpu_mdev", "Vendor, four hexadecimal digits"},
};

inline constexpr std::array gpu_sriov = { // virtual machines
    DeviceOption{"id", any, "string", "", false, "gpu_sriov", "Number of the card on the host"},
    DeviceOption{"pci", optional<pci_address>, "string", "", false, "gpu_sriov", "PCI address"},
    DeviceOption{"productid", optional<device_id>, "string", "", false, "gpu_sriov",
                 "Product, four hexadecimal digits"},
    DeviceOption{"vendorid", optional<device_id>, "string", "", false, "gpu_sriov", "Vendor, four hexadecimal digits"},
};

inline constexpr std::array infiniband = { // physical and sriov
    DeviceOption{"hwaddr", optional<infiniband_address>, "string", "as it is", false, "infiniband", "Address"},
    DeviceOption{"mtu", optional<checks::mtu>, "integer", "as it is", false, "infiniband", "Largest packet"},
    DeviceOption{"name", optional<interface_name>, "string", "", false, "infiniband", "Name in the instance"},
    DeviceOption{"parent", set_line, "string", "", false, "infiniband", "Interface on the host"},
};

inline constexpr std::array pci = { // virtual machines
    DeviceOption{"address", pci_address, "string", "", false, "pci_device_type", "PCI address"},
};

inline constexpr std::array tpm = {
    DeviceOption{"path", one_line, "string", "", false, "tpm_device_type", "Path in the instance"},
    DeviceOption{"pathrm", one_line, "string", "", false, "tpm", "Path of the resource manager in the instance"},
};
// clang-format on

} // namespace schema::device_options
