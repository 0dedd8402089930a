#include "daemon/resources/resources.h"

#include <map>

#include "daemon/resources/device.h"

namespace resources {

namespace {

using schema::resources::Disk;
using schema::resources::Partition;
using schema::resources::Storage;

const std::string blocks = "/sys/class/block";
constexpr int64_t sector = 512;                // the kernel's unit of sizes, whatever the disk's own
constexpr int64_t empty_drive_size = 0x1fffff; // sectors, of most CD drives without a disc

using Links = std::map<std::string, std::string>; // disk -> its link's name

/// The links of a folder below /dev/disk; of several to one disk the last.
Links read_links(const Tree& tree, const std::string& folder) {
    Links links;
    for (const auto& name : tree.list(folder))
        if (const auto target = tree.resolved(below(folder, name)); folder_of(target) == "/dev")
            links[base_name(target)] = name;
    return links;
}

std::string link_of(const Links& links, const std::string& disk) {
    const auto found = links.find(disk);
    return found == links.end() ? std::string() : found->second;
}

/// udev writes characters that have no place in a device name as "\x20".
std::string udev_decoded(std::string_view text) {
    std::string decoded;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text.substr(at).starts_with("\\x") && at + 4 <= text.size())
            if (const auto value = parse_number(text.substr(at + 2, 2), 16)) {
                decoded += static_cast<char>(*value);
                at += 3;
                continue;
            }
        decoded += text[at];
    }
    return std::string(stripped(decoded));
}

/// The properties that udev's rules found ("E:ID_MODEL=...").
std::map<std::string, std::string> read_udev(const Tree& tree, const std::string& device) {
    std::map<std::string, std::string> properties;
    const auto text = tree.bytes("/run/udev/data/b" + device);
    for (const auto line : lines(text)) {
        const auto equals = line.find('=');
        if (line.starts_with("E:") && equals != std::string_view::npos)
            properties.emplace(stripped(line.substr(2, equals - 2)), stripped(line.substr(equals + 1)));
    }
    return properties;
}

void add_udev(Disk& disk, std::map<std::string, std::string> udev) {
    if (udev["ID_CDROM"] == "1")
        disk.type = "cdrom";
    else if (udev["ID_USB_DRIVER"] == "usb-storage")
        disk.type = "usb";
    else if (udev["ID_ATA_SATA"] == "1")
        disk.type = "sata";
    if (disk.firmware_version.empty()) disk.firmware_version = udev["ID_REVISION"];
    disk.serial = udev["ID_SERIAL_SHORT"];
    if (!udev["ID_MODEL_ENC"].empty())
        disk.model = udev_decoded(udev["ID_MODEL_ENC"]);
    else if (!udev["ID_MODEL"].empty())
        disk.model = udev["ID_MODEL"];
    disk.rpm = parse_number(udev["ID_ATA_ROTATION_RATE_RPM"]).value_or(0);
}

int64_t size_of(const Tree& tree, const std::string& path) {
    return tree.number(path + "/size").value_or(0) * sector;
}

std::vector<Partition> read_partitions(const Tree& tree, const std::vector<std::string>& names,
                                       const std::string& disk) {
    std::vector<Partition> partitions;
    for (const auto& name : names) {
        const auto path = below(blocks, name);
        const auto number = tree.number(path + "/partition");
        if (!name.starts_with(disk) || !number) continue;
        partitions.push_back({.id = name,
                              .device = tree.text(path + "/dev"),
                              .read_only = tree.number(path + "/ro") == 1,
                              .size = size_of(tree, path),
                              .partition = *number});
    }
    return partitions;
}

Disk read_disk(const Tree& tree, const std::string& name) {
    const auto path = below(blocks, name);
    const auto device = path + "/device";
    Disk disk;
    disk.id = name;
    disk.device = tree.text(path + "/dev");
    disk.model = tree.text(device + "/model");
    disk.type = base_name(tree.resolved(device + "/subsystem"));
    disk.read_only = tree.number(path + "/ro") == 1;
    disk.size = size_of(tree, path);
    disk.removable = tree.number(path + "/removable") == 1;
    disk.wwn = tree.text(path + "/wwid");
    disk.numa_node = numa_node_of(tree, device);
    disk.firmware_version = tree.text(device + "/firmware_rev");
    disk.pci_address = pci_address_of(tree, device);
    disk.usb_address = usb_address_of(tree, device);
    if (name.starts_with("sr") && disk.removable) {
        disk.type = "cdrom";
        if (disk.size == empty_drive_size * sector) disk.size = 0;
    }
    add_udev(disk, read_udev(tree, disk.device));
    if (disk.rpm == 0) disk.rpm = tree.number(path + "/queue/rotational").value_or(0);
    return disk;
}

} // namespace

Storage read_storage(const Tree& tree, const Probes& probes) {
    const auto names = tree.list(blocks);
    const auto by_path = read_links(tree, "/dev/disk/by-path");
    const auto by_id = read_links(tree, "/dev/disk/by-id");
    Storage storage;
    for (const auto& name : names) {
        // Partitions and what is made of other disks (loop, dm) have no device; the paths of a multipath one no number.
        if (!tree.has(below(blocks, name, "device")) || !tree.has(below(blocks, name, "dev"))) continue;
        auto disk = read_disk(tree, name);
        if (disk.type == "rbd") continue; // on other machines
        disk.device_path = link_of(by_path, name);
        disk.device_id = link_of(by_id, name);
        disk.block_size = probes.block_size(name);
        disk.partitions = read_partitions(tree, names, name);
        storage.total += 1 + static_cast<int64_t>(disk.partitions.size());
        storage.disks.push_back(std::move(disk));
    }
    return storage;
}

} // namespace resources
