#include "daemon/devices/nic_types.h"
#include "schema/values.h"

namespace devices {

schema::Config SriovNic::prepare(const Owner&, DeviceHost& host) const {
    if (!host.network().find(option("parent"))) return {}; // and the start will say so
    const auto function = host.network().free_virtual_function(option("parent"));
    const auto state = host.network().find(function.interface).value_or(InterfaceState{});
    return to_remember({{"host_name", function.interface},
                        {"last_state.created", "false"},
                        {"last_state.mtu", std::to_string(state.mtu)},
                        {"last_state.hwaddr", state.hwaddr},
                        {"last_state.vf.id", std::to_string(function.id)},
                        {"last_state.vf.parent", option("parent")},
                        {"last_state.vf.hwaddr", function.hwaddr},
                        {"last_state.vf.vlan", std::to_string(function.vlan)},
                        {"last_state.vf.spoofcheck", function.spoof_check ? "true" : "false"}});
}

std::vector<std::string> SriovNic::kept_keys() const {
    auto keys = MovedNic::kept_keys();
    for (const auto* key : {"id", "parent", "hwaddr", "vlan", "spoofcheck"})
        keys.push_back(std::string("last_state.vf.") + key);
    return keys;
}

std::string SriovNic::make(const Owner& owner, DeviceHost& host) const {
    auto& network = host.network();
    const auto interface = remembered(owner, "host_name");
    VirtualFunction function;
    function.interface = interface;
    function.id = static_cast<int>(schema::parse_integer(remembered(owner, "last_state.vf.id")).value_or(0));
    function.vlan = number("vlan");
    function.spoof_check = schema::is_true(option("security.mac_filtering"));
    if (function.spoof_check)
        function.hwaddr = is_set("hwaddr") ? option("hwaddr") : remembered(owner, "last_state.hwaddr");
    network.set_virtual_function(option("parent"), function);
    if (is_set("hwaddr")) network.set_hwaddr(interface, option("hwaddr"));
    if (is_set("mtu")) network.set_mtu(interface, number("mtu"));
    return interface;
}

void SriovNic::unmake(const Owner& owner, DeviceHost& host) const {
    const auto number_of = [&](const std::string& key) {
        return static_cast<int>(schema::parse_integer(remembered(owner, key)).value_or(0));
    };
    VirtualFunction function{remembered(owner, "host_name"), number_of("last_state.vf.id"),
                             remembered(owner, "last_state.vf.hwaddr"), number_of("last_state.vf.vlan"),
                             remembered(owner, "last_state.vf.spoofcheck") == "true"};
    host.network().set_virtual_function(remembered(owner, "last_state.vf.parent"), function);
    restore(owner, host);
}

Nic::Items SriovNic::items(const Owner& owner, const std::string& made) const {
    return {{"type", "phys"}, {"flags", "up"}, {"link", made}, {"name", inside_name(owner)}};
}

} // namespace devices
