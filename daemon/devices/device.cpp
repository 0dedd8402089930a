#include "daemon/devices/device.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "daemon/devices/types.h"
#include "schema/error.h"
#include "schema/keys/devices.h"
#include "schema/names.h"
#include "schema/values.h"

namespace devices {

namespace {

bool is_root_disk(const schema::Device& device) {
    return schema::get(device, "type") == "disk" && schema::get(device, "path") == "/" &&
           schema::get(device, "source").empty();
}

using Constructor = std::unique_ptr<Device> (*)(const std::string& name, const schema::Device& options);

template <class Type> std::unique_ptr<Device> construct(const std::string& name, const schema::Device& options) {
    return std::make_unique<Type>(name, options);
}

struct Row {
    std::string_view type;
    std::string_view subtype;
    Constructor make;
};
constexpr Row rows[] = {
    {"disk", "", construct<Disk>},
    {"gpu", "mdev", construct<MachineDevice>},
    {"gpu", "mig", construct<MigGpu>},
    {"gpu", "physical", construct<Gpu>},
    {"gpu", "sriov", construct<MachineDevice>},
    {"infiniband", "physical", construct<PhysicalInfiniband>},
    {"infiniband", "sriov", construct<SriovInfiniband>},
    {"nic", "bridged", construct<BridgedNic>},
    {"nic", "ipvlan", construct<IpvlanNic>},
    {"nic", "macvlan", construct<MacvlanNic>},
    {"nic", "p2p", construct<P2pNic>},
    {"nic", "physical", construct<PhysicalNic>},
    {"nic", "routed", construct<RoutedNic>},
    {"nic", "sriov", construct<SriovNic>},
    {"none", "", construct<None>},
    {"pci", "", construct<MachineDevice>},
    {"proxy", "", construct<Proxy>},
    {"tpm", "", construct<Tpm>},
    {"unix-block", "", construct<UnixNode>},
    {"unix-char", "", construct<UnixNode>},
    {"unix-hotplug", "", construct<UnixHotplug>},
    {"usb", "", construct<Usb>},
};

/// Several disks at one place, or interfaces of one name.
void check_unique(const schema::Devices& devices, const std::string& type, const std::string& option,
                  fmt::format_string<std::string> text) {
    std::set<std::string> seen;
    for (const auto& [name, device] : devices) {
        const auto& value = schema::get(device, option);
        if (schema::get(device, "type") != type || value.empty() || seen.insert(value).second) continue;
        throw schema::bad_request("Device validation failed for {}: {}", schema::quoted(name),
                                  fmt::format(text, schema::quoted(value)));
    }
}

bool has_auto_gateway(const schema::Device& device, const char* key) {
    const auto& value = schema::get(device, key);
    return schema::get(device, "nictype") == "routed" && (value.empty() || value == "auto");
}

/// Two routed ones would each have the container's default route.
void check_gateways(const schema::Devices& devices) {
    for (const auto* key : {"ipv4.gateway", "ipv6.gateway"}) {
        const std::string* first = nullptr;
        for (const auto& [name, device] : devices) {
            if (!has_auto_gateway(device, key)) continue;
            if (first != nullptr)
                throw schema::bad_request("Device validation failed for {}: Existing NIC {} already uses {} in auto "
                                          "mode",
                                          schema::quoted(name), schema::quoted(*first), schema::quoted(key));
            first = &name;
        }
    }
}

enum class Holder { instance, profile, expanded };

void check_one(const std::string& name, const schema::Device& options, Holder holder) {
    try {
        schema::check_device_name(name);
        const auto device = make_device(name, options);
        if (holder == Holder::instance && device->is_for_machines())
            throw schema::bad_request("Unsupported device type");
        device->check();
        if (holder != Holder::profile) device->check_for_container();
    } catch (const schema::Error& error) {
        throw schema::bad_request("Device validation failed for {}: {}", schema::quoted(name), error.what());
    }
}

} // namespace

void Device::check() const {
    schema::check_device_options(options_);
}

void Device::check_host(const Owner&, DeviceHost&) const {}

schema::Config Device::prepare(const Owner&, DeviceHost&) const {
    return {};
}

void Device::update(const schema::Device&, const Owner&, DeviceHost&) const {}

void Device::resume(const Owner&, DeviceHost&) const {}

schema::Config Device::stopped(const Owner&, DeviceHost&) const {
    return {};
}

std::unique_ptr<Device> make_device(const std::string& name, const schema::Device& options) {
    try {
        const auto& network = schema::get(options, "network");
        if (schema::get(options, "type") == "nic" && !network.empty()) {
            throw schema::bad_request("Failed to load network {} for project \"default\": Network not found",
                                      schema::quoted(network));
        }
        const auto& type = schema::device_type_of(options);
        for (const auto& row : rows) {
            if (row.type == type.type && row.subtype == type.subtype) return row.make(name, options);
        }
        throw schema::bad_request("Unsupported device type");
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(),
                            fmt::format("Failed loading device {}: {}", schema::quoted(name), error.what()));
    }
}

std::vector<std::string> start_order(const schema::Devices& devices) {
    const auto rank = [](const schema::Device& device) {
        const auto& type = schema::get(device, "type");
        if (is_network_device(device)) return 0;
        return type == "disk" ? 1 : 2;
    };
    std::vector<std::tuple<int, std::string, std::string>> order;
    for (const auto& [name, device] : devices) {
        // "/" sorts before every other path.
        order.emplace_back(rank(device), rank(device) == 1 ? schema::get(device, "path") : "", name);
    }
    std::sort(order.begin(), order.end());
    std::vector<std::string> names;
    names.reserve(order.size());
    for (auto& [position, path, name] : order) names.push_back(std::move(name));
    return names;
}

void check_devices(const schema::Devices& devices) {
    for (const auto& [name, options] : devices) check_one(name, options, Holder::instance);
    check_unique(devices, "disk", "path", "More than one disk device uses the same path {}");
}

void check_profile_devices(const schema::Devices& devices) {
    for (const auto& [name, options] : devices) check_one(name, options, Holder::profile);
    check_unique(devices, "disk", "path", "More than one disk device uses the same path {}");
}

void check_expanded_devices(const schema::Devices& devices) {
    for (const auto& [name, options] : devices) check_one(name, options, Holder::expanded);
    check_gateways(devices);
    check_unique(devices, "nic", "name", "Invalid value for device option \"name\": Duplicate NIC name detected {}");
    try {
        if (root_disk(devices).empty()) throw schema::bad_request("No root device could be found");
    } catch (const schema::Error& error) {
        throw schema::bad_request("Failed detecting root disk device: {}", error.what());
    }
    check_unique(devices, "disk", "path", "More than one disk device uses the same path {}");
}

std::string root_disk(const schema::Devices& devices) {
    std::string root;
    for (const auto& [name, device] : devices) {
        if (!is_root_disk(device)) continue;
        if (!root.empty()) throw schema::bad_request("More than one root device found");
        root = name;
    }
    return root;
}

} // namespace devices
