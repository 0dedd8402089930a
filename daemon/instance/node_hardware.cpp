// What is plugged into the host, as devices ask for it: a part of RealNodeHost.

#include <system_error>

#include <fmt/format.h>

#include "daemon/base/udev.h"
#include "daemon/instance/node_host.h"
#include "daemon/instance/tpm.h"
#include "daemon/resources/resources.h"
#include "schema/error.h"

namespace instance {

namespace {

constexpr unsigned usual_mode = 0660;

/// The permissions that the host gives a node; they may be set a moment after it appears.
unsigned mode_of(RealNodeHost& host, const std::string& path) {
    const auto found = host.find_node(path);
    return found ? found->mode : usual_mode;
}

} // namespace

std::vector<devices::PluggedDevice> RealNodeHost::usb_devices() {
    const std::string folder = "/sys/bus/usb/devices";
    const resources::Tree tree;
    std::vector<devices::PluggedDevice> devices;
    for (const auto& name : tree.list(folder)) {
        const auto path = resources::below(folder, name);
        const auto number = tree.text(path + "/dev");
        const auto colon = number.find(':');
        const auto major = resources::parse_number(number.substr(0, colon));
        const auto minor =
            colon == std::string::npos ? std::nullopt : resources::parse_number(number.substr(colon + 1));
        const auto bus = tree.number(path + "/busnum");
        const auto device = tree.number(path + "/devnum");
        if (!major || !minor || !bus || !device) continue; // an interface, or one that is going
        devices::PluggedDevice found;
        found.vendor_id = tree.text(path + "/idVendor");
        found.product_id = tree.text(path + "/idProduct");
        found.node.path = fmt::format("/dev/bus/usb/{:03}/{:03}", *bus, *device);
        found.node.numbers = {'c', static_cast<unsigned>(*major), static_cast<unsigned>(*minor)};
        found.node.mode = mode_of(*this, found.node.path);
        devices.push_back(std::move(found));
    }
    return devices;
}

std::vector<devices::PluggedDevice> RealNodeHost::udev_devices() {
    std::vector<devices::PluggedDevice> devices;
    try {
        for (const auto& known : base::udev_devices()) {
            if (known.subsystem.starts_with("usb") || known.major == 0) continue;
            devices::FoundNode node{known.node, {known.kind, known.major, known.minor}, mode_of(*this, known.node)};
            devices.push_back({known.vendor_id, known.product_id, std::move(node)});
        }
    } catch (const std::system_error& error) {
        throw schema::failure("{}", error.what());
    }
    return devices;
}

schema::resources::Gpu RealNodeHost::gpus() {
    return resources::read_gpu(resources::Tree(), resources::host_probes(), resources::IdNames(""));
}

schema::resources::Network RealNodeHost::network_cards() {
    return resources::read_network(resources::Tree(), resources::host_probes(), resources::IdNames(""));
}

devices::TpmNodes RealNodeHost::start_tpm(const std::string& state_folder, const std::string& pid_file) {
    return instance::start_tpm(state_folder, pid_file);
}

void RealNodeHost::stop_tpm(const std::string& pid_file) {
    instance::stop_tpm(pid_file);
}

} // namespace instance
