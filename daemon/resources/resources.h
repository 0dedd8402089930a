#pragma once
// The host's hardware as GET /1.0/resources tells it: pure readers over a tree of the kernel's files and what drivers
// answer, one for each section. Called by the api room alone; a few milliseconds on a small host.

#include "daemon/resources/id_names.h"
#include "daemon/resources/probes.h"
#include "daemon/resources/tree.h"
#include "schema/api/resources.h"

namespace resources {

schema::resources::Cpu read_cpu(const Tree& tree, const Probes& probes);
schema::resources::Memory read_memory(const Tree& tree);
schema::resources::Gpu read_gpu(const Tree& tree, const Probes& probes, const IdNames& pci_names);
schema::resources::Network read_network(const Tree& tree, const Probes& probes, const IdNames& pci_names);
schema::resources::Storage read_storage(const Tree& tree, const Probes& probes);
schema::resources::Usb read_usb(const Tree& tree, const Probes& probes, const IdNames& usb_names);
schema::resources::Pci read_pci(const Tree& tree, const Probes& probes, const IdNames& pci_names);
schema::resources::System read_system(const Tree& tree, const Probes& probes);
schema::resources::Resources read_resources(const Tree& tree, const Probes& probes);

/// The product name and the known fields of a PCI device's vital product data. Stops where the data makes no sense.
schema::resources::PciVpd parse_vpd(std::string_view data);

struct DmiProcessor {
    std::string vendor;
    std::string model;
};
/// The first processor in the firmware's tables (/sys/firmware/dmi/tables/DMI) that names itself; both empty where none
/// does. ARM's /proc/cpuinfo has no names.
DmiProcessor parse_dmi_processor(std::string_view tables);

} // namespace resources
