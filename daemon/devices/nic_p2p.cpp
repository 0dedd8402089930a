#include "daemon/devices/nic_types.h"

namespace devices {

bool P2pNic::is_plain() const {
    return !has_limits() && both_lists("routes").empty();
}

void P2pNic::connect(const Owner&, DeviceHost& host, const std::string& host_name) const {
    // Routes are for interfaces that are up.
    host.network().set_up(host_name);
    for (const auto& network : both_lists("routes")) host.network().add_route({host_name, network, "", 0});
}

/// Its routes go with the interface.
void P2pNic::disconnect(const Owner&, DeviceHost&, const std::string&) const {}

void P2pNic::reconnect(const schema::Device& before, const Owner&, DeviceHost& host,
                       const std::string& host_name) const {
    for (const auto& network : P2pNic(name(), before).both_lists("routes"))
        host.network().remove_route({host_name, network, "", 0});
    for (const auto& network : both_lists("routes")) host.network().add_route({host_name, network, "", 0});
}

} // namespace devices
