#include "daemon/resources/resources.h"

#include <map>
#include <set>

#include "daemon/resources/device.h"

namespace resources {

namespace {

using schema::resources::Infiniband;
using schema::resources::Network;
using schema::resources::NetworkCard;
using schema::resources::NetworkPort;

const std::string interfaces = "/sys/class/net";
const std::string pci_devices = "/sys/bus/pci/devices";

/// The kernel's ARPHRD_* numbers that LXD names.
std::string protocol_of(int64_t type) {
    switch (type) {
    case 1:
        return "ethernet";
    case 19:
        return "ATM";
    case 32:
        return "infiniband";
    default:
        return {};
    }
}

Infiniband read_infiniband(const Tree& tree, const std::string& device, int64_t port) {
    Infiniband infiniband;
    const auto mad = device + "/infiniband_mad";
    for (const auto& name : tree.list(mad)) {
        // These ports count from 1.
        if (tree.number(below(mad, name, "port")) != port + 1) continue;
        const auto number = tree.text(below(mad, name, "dev"));
        if (number.empty()) continue;
        if (name.starts_with("issm")) {
            infiniband.issm_name = name;
            infiniband.issm_device = number;
        } else if (name.starts_with("umad")) {
            infiniband.mad_name = name;
            infiniband.mad_device = number;
        }
    }
    const auto verbs = device + "/infiniband_verbs";
    if (const auto names = tree.list(verbs); names.size() == 1) {
        infiniband.verb_name = names.front();
        infiniband.verb_device = tree.text(below(verbs, names.front(), "dev"));
    }
    return infiniband;
}

NetworkPort read_port(const Tree& tree, const std::string& device, const std::string& name) {
    const auto path = below(device, "net", name);
    NetworkPort port;
    port.id = name;
    port.protocol = protocol_of(tree.number(path + "/type").value_or(0));
    port.address = tree.text(path + "/address");
    port.port = tree.number(path + "/dev_port").value_or(0);
    if (port.protocol == "infiniband" && tree.has(device + "/infiniband"))
        port.infiniband = read_infiniband(tree, device, port.port);
    return port;
}

class Reader {
public:
    Reader(const Tree& tree, const Probes& probes, const IdNames& names)
        : tree_(tree), probes_(probes), names_(names) {}

    Network read() {
        for (const auto& name : tree_.list(interfaces)) {
            const auto device = below(interfaces, name, "device");
            if (tree_.has(device)) add(device, pci_address_of(tree_, device));
        }
        // Those without an interface: passed through, without a driver, or moved to another network namespace.
        for (const auto& address : tree_.list(pci_devices))
            if (tree_.text(below(pci_devices, address, "class")).starts_with("0x02"))
                add(below(pci_devices, address), address);
        add_virtual_functions(network_, virtual_functions_);
        return std::move(network_);
    }

private:
    void add(const std::string& device, const std::string& pci_address) {
        if (!pci_address.empty() && !known_.insert(pci_address).second) return;
        NetworkCard card;
        card.pci_address = pci_address;
        const auto physical = physical_function_of(tree_, device);
        describe_card(tree_, device, names_, probes_.kernel_version, card);
        card.sriov = sriov_of<NetworkCard>(tree_, device);
        for (const auto& name : tree_.list(device + "/net")) {
            auto port = read_port(tree_, device, name);
            if (physical.empty() && !probes_.describe_port(port)) continue;
            card.ports.push_back(std::move(port));
        }
        if (!card.ports.empty()) card.firmware_version = probes_.firmware_version(card.ports.front().id);
        if (physical.empty())
            network_.cards.push_back(std::move(card));
        else
            virtual_functions_[physical].push_back(std::move(card));
    }

    const Tree& tree_;
    const Probes& probes_;
    const IdNames& names_;
    std::set<std::string> known_;
    std::map<std::string, std::vector<NetworkCard>> virtual_functions_;
    Network network_;
};

} // namespace

Network read_network(const Tree& tree, const Probes& probes, const IdNames& pci_names) {
    return Reader(tree, probes, pci_names).read();
}

} // namespace resources
