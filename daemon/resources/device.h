#pragma once
// What devices of every bus have in sysfs. `device` is the path of a device's folder, links allowed.

#include <string>

#include "daemon/resources/id_names.h"
#include "daemon/resources/tree.h"
#include "schema/api/resources.h"

namespace resources {

struct Driver {
    std::string name;
    std::string version;
};

/// Empty where no driver is bound. A driver without a version has the kernel's.
Driver driver_of(const Tree& tree, const std::string& device, const std::string& kernel_version);
/// 0 where it has none.
int64_t numa_node_of(const Tree& tree, const std::string& device);
/// Of a PCI device, or of the PCI device that carries a virtio one; else empty.
std::string pci_address_of(const Tree& tree, const std::string& device);
/// "BUS:DEVICE" of the USB device that this is part of; else empty.
std::string usb_address_of(const Tree& tree, const std::string& device);
/// The PCI address of the physical function that this one belongs to; empty where it is none of its virtual ones.
std::string physical_function_of(const Tree& tree, const std::string& device);
/// Driver, ids and names of a card, its place in USB and NUMA.
void describe_card(const Tree& tree, const std::string& device, const IdNames& names, const std::string& kernel_version,
                   schema::resources::Card& card);

/// Nothing where the device has no virtual functions.
template <class Card>
std::optional<schema::resources::Sriov<Card>> sriov_of(const Tree& tree, const std::string& device) {
    const auto current = tree.number(device + "/sriov_numvfs");
    if (!current) return {};
    schema::resources::Sriov<Card> sriov;
    sriov.current_vfs = *current;
    sriov.maximum_vfs = tree.number(device + "/sriov_totalvfs").value_or(0);
    return sriov;
}

/// Puts virtual functions under their physical ones and counts all. `virtual_functions` is by physical address.
template <class Section, class Map> void add_virtual_functions(Section& section, Map&& virtual_functions) {
    for (auto& card : section.cards) {
        if (card.sriov) {
            card.sriov->vfs = std::move(virtual_functions[card.pci_address]);
            section.total += static_cast<int64_t>(card.sriov->vfs.size());
        }
        ++section.total;
    }
}

} // namespace resources
