#include "daemon/resources/device.h"

#include <algorithm>

#include <fmt/format.h>

namespace resources {

namespace {

/// "0x1af4" -> "1af4"
std::string id_text(const Tree& tree, const std::string& path) {
    const auto text = tree.text(path);
    return text.starts_with("0x") ? text.substr(2) : text;
}

std::string subsystem_of(const Tree& tree, const std::string& device) {
    return base_name(tree.resolved(device + "/subsystem"));
}

} // namespace

Driver driver_of(const Tree& tree, const std::string& device, const std::string& kernel_version) {
    const auto driver = tree.resolved(device + "/driver");
    if (driver.empty()) return {};
    const auto version = tree.text(driver + "/module/version");
    return {base_name(driver), version.empty() ? kernel_version : version};
}

int64_t numa_node_of(const Tree& tree, const std::string& device) {
    return std::max<int64_t>(tree.number(device + "/numa_node").value_or(0), 0);
}

std::string pci_address_of(const Tree& tree, const std::string& device) {
    auto path = tree.resolved(device);
    auto subsystem = subsystem_of(tree, path);
    if (subsystem == "virtio") {
        path = folder_of(path);
        subsystem = subsystem_of(tree, path);
    }
    return subsystem == "pci" ? base_name(path) : std::string();
}

std::string usb_address_of(const Tree& tree, const std::string& device) {
    auto path = tree.resolved(device);
    if (path.find("/usb") == std::string::npos) return {};
    for (; !path.empty(); path = folder_of(path)) {
        const auto bus = tree.number(path + "/busnum");
        const auto address = tree.number(path + "/devnum");
        if (bus && address) return fmt::format("{}:{}", *bus, *address);
    }
    return {};
}

std::string physical_function_of(const Tree& tree, const std::string& device) {
    return base_name(tree.resolved(device + "/physfn"));
}

void describe_card(const Tree& tree, const std::string& device, const IdNames& names, const std::string& kernel_version,
                   schema::resources::Card& card) {
    const auto driver = driver_of(tree, device, kernel_version);
    card.driver = driver.name;
    card.driver_version = driver.version;
    card.numa_node = numa_node_of(tree, device);
    card.usb_address = usb_address_of(tree, device);
    card.vendor_id = id_text(tree, device + "/vendor");
    card.product_id = id_text(tree, device + "/device");
    card.vendor = names.vendor(card.vendor_id);
    card.product = names.product(card.vendor_id, card.product_id);
}

} // namespace resources
