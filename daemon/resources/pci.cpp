#include "daemon/resources/resources.h"

#include <algorithm>
#include <array>

#include "daemon/resources/device.h"

namespace resources {

namespace {

using schema::resources::Pci;
using schema::resources::PciDevice;
using schema::resources::PciVpd;

const std::string devices = "/sys/bus/pci/devices";

PciDevice read_device(const Tree& tree, const std::string& address, const Probes& probes, const IdNames& names) {
    const auto path = devices + "/" + address;
    schema::resources::Card card;
    describe_card(tree, path, names, probes.kernel_version, card);
    PciDevice device;
    device.driver = card.driver;
    device.driver_version = card.driver_version;
    device.numa_node = card.numa_node;
    device.pci_address = address;
    device.vendor = card.vendor;
    device.vendor_id = card.vendor_id;
    device.product = card.product;
    device.product_id = card.product_id;
    device.iommu_group = parse_number(base_name(tree.link_target(path + "/iommu_group"))).value_or(0);
    device.vpd = parse_vpd(tree.bytes(path + "/vpd"));
    return device;
}

/// Takes bytes off the front; fewer at the end of the data.
std::string_view take(std::string_view& data, size_t size) {
    const auto taken = data.substr(0, size);
    data.remove_prefix(taken.size());
    return taken;
}

size_t take_little_endian(std::string_view& data, size_t size) {
    size_t value = 0;
    const auto bytes = take(data, size);
    for (size_t at = bytes.size(); at-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at]);
    return value;
}

std::string text_of(std::string_view bytes) {
    constexpr std::string_view padding("\0 ", 2);
    const auto first = bytes.find_first_not_of(padding);
    if (first == std::string_view::npos) return {};
    return std::string(bytes.substr(first, bytes.find_last_not_of(padding) - first + 1));
}

/// Vendor (V*), system (Y*) and reserved (Z*) fields, and those of the PCI standard that say something.
bool is_known(std::string_view key) {
    constexpr std::array<std::string_view, 9> known{"CC", "EC", "FC", "FN", "MN", "NA", "PN", "RM", "SN"};
    if (key.empty()) return false;
    return key[0] == 'V' || key[0] == 'Y' || key[0] == 'Z' || std::ranges::find(known, key) != known.end();
}

void parse_fields(std::string_view data, PciVpd& vpd) {
    while (!data.empty()) {
        const auto key = text_of(take(data, 2));
        const auto size = take_little_endian(data, 1);
        const auto value = take(data, size);
        if (size > 0 && is_known(key)) vpd.entries[key] = text_of(value);
    }
}

} // namespace

PciVpd parse_vpd(std::string_view data) {
    constexpr size_t large = 0x80; // the flag of a tag whose size follows in two bytes
    constexpr size_t name_tag = 0x82;
    constexpr size_t read_only_tag = 0x90;
    constexpr size_t read_write_tag = 0x91;
    PciVpd vpd;
    while (!data.empty()) {
        const auto tag = take_little_endian(data, 1);
        const auto content = take(data, (tag & large) != 0 ? take_little_endian(data, 2) : tag & 7U);
        if (tag == name_tag) vpd.product_name = text_of(content);
        if (tag == read_only_tag || tag == read_write_tag) parse_fields(content, vpd);
    }
    return vpd;
}

Pci read_pci(const Tree& tree, const Probes& probes, const IdNames& pci_names) {
    Pci pci;
    for (const auto& address : tree.list(devices)) pci.devices.push_back(read_device(tree, address, probes, pci_names));
    pci.total = static_cast<int64_t>(pci.devices.size());
    return pci;
}

} // namespace resources
