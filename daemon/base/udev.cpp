#include "daemon/base/udev.h"

#include <cstdlib>
#include <memory>
#include <system_error>

#include <sys/sysmacros.h>
#include <systemd/sd-device.h>

namespace base {

namespace {

struct EndEnumerator {
    void operator()(sd_device_enumerator* devices) const { sd_device_enumerator_unref(devices); }
};

void check(int result) {
    if (result < 0) throw std::system_error(-result, std::generic_category(), "Failed listing the devices of udev");
}

std::string property(sd_device* device, const char* name) {
    const char* value = nullptr;
    return sd_device_get_property_value(device, name, &value) < 0 ? "" : value;
}

} // namespace

std::vector<UdevDevice> udev_devices() {
    sd_device_enumerator* made = nullptr;
    check(sd_device_enumerator_new(&made));
    const std::unique_ptr<sd_device_enumerator, EndEnumerator> enumerator(made);
    // Several of these mean any of them.
    check(sd_device_enumerator_add_match_property(made, "ID_VENDOR_ID", "*"));
    check(sd_device_enumerator_add_match_property(made, "ID_MODEL_ID", "*"));

    std::vector<UdevDevice> devices;
    for (auto* device = sd_device_enumerator_get_device_first(made); device != nullptr;
         device = sd_device_enumerator_get_device_next(made)) {
        const char* node = nullptr;
        const char* subsystem = nullptr;
        dev_t number = 0;
        if (sd_device_get_devname(device, &node) < 0 || sd_device_get_devnum(device, &number) < 0) continue;
        if (sd_device_get_subsystem(device, &subsystem) < 0) subsystem = "";
        UdevDevice found;
        found.node = node;
        found.subsystem = subsystem;
        found.kind = found.subsystem == "block" ? 'b' : 'c';
        found.major = major(number);
        found.minor = minor(number);
        found.vendor_id = property(device, "ID_VENDOR_ID");
        found.product_id = property(device, "ID_MODEL_ID");
        devices.push_back(std::move(found));
    }
    return devices;
}

} // namespace base
