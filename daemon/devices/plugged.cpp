// usb and unix-hotplug: whatever of the host has a vendor and a product.

#include "daemon/devices/types.h"
#include "schema/error.h"
#include "schema/values.h"

namespace devices {

namespace {

bool fits(const std::string& wanted, const std::string& id) {
    return wanted.empty() || wanted == id;
}

} // namespace

std::vector<Node> PluggedNodes::nodes(const Owner&, DeviceHost& host, bool starts) const {
    std::vector<Node> nodes;
    for (const auto& device : plugged(host))
        if (fits(option("vendorid"), device.vendor_id) && fits(option("productid"), device.product_id))
            nodes.push_back({device.node.path, device.node});
    if (nodes.empty() && starts && schema::is_true(option("required"))) throw schema::bad_request("{}", missing());
    return nodes;
}

Followed PluggedNodes::follows() const {
    return {.hardware = true};
}

std::vector<PluggedDevice> Usb::plugged(DeviceHost& host) const {
    return host.nodes().usb_devices();
}

void UnixHotplug::check() const {
    PluggedNodes::check();
    if (option("vendorid").empty() && option("productid").empty())
        throw schema::bad_request("Unix hotplug devices require a vendorid or a productid");
}

std::vector<PluggedDevice> UnixHotplug::plugged(DeviceHost& host) const {
    return host.nodes().udev_devices();
}

} // namespace devices
