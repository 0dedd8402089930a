#pragma once
// The host's devices as udev describes them, for devices that are chosen by vendor and product.

#include <string>
#include <vector>

namespace base {

struct UdevDevice {
    std::string node; // "/dev/ttyUSB0"
    std::string subsystem;
    char kind = 'c'; // 'b': a block device
    unsigned major = 0;
    unsigned minor = 0;
    std::string vendor_id; // ID_VENDOR_ID: four hexadecimal digits
    std::string product_id;
};

/// Those with a node that udev has a vendor or a product of. None where udev does not run. Throws std::system_error.
std::vector<UdevDevice> udev_devices();

} // namespace base
