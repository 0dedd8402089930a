#include "daemon/resources/resources.h"

#include <array>

namespace resources {

namespace {

using schema::resources::System;

/// Of the SMBIOS specification, from 1 on.
constexpr std::array<const char*, 37> chassis_types{
    "", // no such number
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All in One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "SubChassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system chassis",
    "Compact PCI",
    "Advanced TCA",
    "Blade",
    "Blade Enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT Gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
};

std::string chassis_type(int64_t number) {
    return number > 0 && number < static_cast<int64_t>(chassis_types.size())
               ? chassis_types[static_cast<size_t>(number)]
               : "";
}

} // namespace

System read_system(const Tree& tree, const Probes& probes) {
    const std::string tables = "/sys/class/dmi/id";
    System system;
    system.type = probes.system_type;
    if (!tree.has(tables)) return system;
    const auto text = [&](const char* name) { return tree.text(tables + "/" + name); };
    system.uuid = text("product_uuid");
    system.vendor = text("sys_vendor");
    system.product = text("product_name");
    system.family = text("product_family");
    system.version = text("product_version");
    system.sku = text("product_sku");
    system.serial = text("product_serial");
    system.firmware = {text("bios_vendor"), text("bios_date"), text("bios_version")};
    system.chassis = {text("chassis_vendor"), chassis_type(tree.number(tables + "/chassis_type").value_or(0)),
                      text("chassis_serial"), text("chassis_version")};
    system.motherboard = {text("board_vendor"), text("board_name"), text("board_serial"), text("board_version")};
    return system;
}

/// A structure is its type, its length, a handle and fields, then its texts, each ended by a zero byte and all by one
/// more.
DmiProcessor parse_dmi_processor(std::string_view tables) {
    constexpr char processor_type = 4;
    constexpr size_t header = 4;
    while (tables.size() >= header) {
        const char type = tables[0];
        const size_t length = static_cast<unsigned char>(tables[1]);
        if (length < header || length > tables.size()) break;
        tables.remove_prefix(length);
        std::vector<std::string> texts;
        while (!tables.empty() && tables.front() != '\0') {
            texts.emplace_back(tables.substr(0, tables.find('\0')));
            tables.remove_prefix(std::min(texts.back().size() + 1, tables.size()));
        }
        // Without texts there are two zero bytes.
        tables.remove_prefix(std::min<size_t>(texts.empty() ? 2 : 1, tables.size()));
        if (type == processor_type && texts.size() >= 3 && !texts[1].empty() && !texts[2].empty())
            return {texts[1], texts[2]};
    }
    return {};
}

} // namespace resources
