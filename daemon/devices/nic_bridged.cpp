#include "daemon/devices/types.h"

#include "schema/error.h"
#include "schema/values.h"

namespace devices {

void BridgedNic::check() const {
    Device::check();
    if (option("parent").empty()) {
        throw schema::bad_request("Invalid value for device option \"parent\": Required value");
    }
}

void BridgedNic::check_host(const Owner&, DeviceHost& host) const {
    if (!host.interface_exists(option("parent"))) {
        throw schema::bad_request("Parent device {} doesn't exist", schema::quoted(option("parent")));
    }
}

std::string BridgedNic::bridge() const {
    return option("parent");
}

} // namespace devices
