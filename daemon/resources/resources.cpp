#include "daemon/resources/resources.h"

namespace resources {

schema::resources::Resources read_resources(const Tree& tree, const Probes& probes) {
    const IdNames pci_names(hardware_list(tree, "pci.ids"));
    const IdNames usb_names(hardware_list(tree, "usb.ids"));
    schema::resources::Resources all;
    all.cpu = read_cpu(tree, probes);
    all.memory = read_memory(tree);
    all.gpu = read_gpu(tree, probes, pci_names);
    all.network = read_network(tree, probes, pci_names);
    all.storage = read_storage(tree, probes);
    all.usb = read_usb(tree, probes, usb_names);
    all.pci = read_pci(tree, probes, pci_names);
    all.system = read_system(tree, probes);
    return all;
}

} // namespace resources
