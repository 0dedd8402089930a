#include "daemon/resources/resources.h"

#include <charconv>

#include "daemon/resources/device.h"

namespace resources {

namespace {

using schema::resources::Usb;
using schema::resources::UsbDevice;
using schema::resources::UsbInterface;

const std::string devices = "/sys/bus/usb/devices";
constexpr int64_t hub_class = 9;

/// "1.5" or "480", in Mbit/s.
double speed(const std::string& text) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

UsbInterface read_interface(const Tree& tree, const std::string& path, const Probes& probes, const IdNames& names) {
    UsbInterface interface;
    const auto driver = driver_of(tree, path, probes.kernel_version);
    interface.driver = driver.name;
    interface.driver_version = driver.version;
    interface.class_id = tree.number(path + "/bInterfaceClass", 16).value_or(0);
    interface.subclass_id = tree.number(path + "/bInterfaceSubClass", 16).value_or(0);
    interface.number = tree.number(path + "/bInterfaceNumber", 16).value_or(0);
    interface.class_name = names.usb_class(interface.class_id);
    if (interface.subclass_id > 0) interface.subclass = names.usb_subclass(interface.class_id, interface.subclass_id);
    return interface;
}

UsbDevice read_device(const Tree& tree, const std::string& name, const Probes& probes, const IdNames& names) {
    const auto path = below(devices, name);
    UsbDevice device;
    device.bus_address = tree.number(path + "/busnum").value_or(0);
    device.device_address = tree.number(path + "/devnum").value_or(0);
    device.vendor_id = tree.text(path + "/idVendor");
    device.product_id = tree.text(path + "/idProduct");
    device.vendor = names.vendor(device.vendor_id);
    device.product = tree.text(path + "/product");
    if (device.product.empty()) device.product = names.product(device.vendor_id, device.product_id);
    device.speed = speed(tree.text(path + "/speed"));
    for (const auto& entry : tree.list(path))
        if (entry.starts_with(name) && tree.is_folder(below(path, entry)))
            device.interfaces.push_back(read_interface(tree, below(path, entry), probes, names));
    return device;
}

} // namespace

Usb read_usb(const Tree& tree, const Probes& probes, const IdNames& usb_names) {
    Usb usb;
    for (const auto& name : tree.list(devices)) {
        const auto path = below(devices, name);
        if (!tree.has(path + "/busnum") || tree.number(path + "/bDeviceClass", 16) == hub_class) continue;
        usb.devices.push_back(read_device(tree, name, probes, usb_names));
    }
    usb.total = static_cast<int64_t>(usb.devices.size());
    return usb;
}

} // namespace resources
