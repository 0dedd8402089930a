// Network devices that are one interface, which is the host's or the container's: macvlan, physical.

#include "daemon/devices/nic_types.h"
#include "schema/error.h"
#include "schema/values.h"

namespace devices {

std::string VlanUser::interface() const {
    const auto& vlan = schema::get(options_, "vlan");
    const auto& parent = schema::get(options_, "parent");
    return vlan.empty() ? parent : parent + "." + vlan;
}

bool VlanUser::is_ours(const Owner& owner, DeviceHost& host) const {
    const auto& vlan = schema::get(options_, "vlan");
    if (vlan.empty()) return false;
    return !host.network().find(interface()) ||
           (owner.others_made_vlan && owner.others_made_vlan(schema::get(options_, "parent"), vlan));
}

bool VlanUser::make(DeviceHost& host) const {
    const auto& vlan = schema::get(options_, "vlan");
    if (vlan.empty() || host.network().find(interface())) return false;
    host.network().create_vlan(interface(), schema::get(options_, "parent"),
                               static_cast<int>(schema::parse_integer(vlan).value_or(0)),
                               schema::is_true(schema::get(options_, "gvrp")));
    return true;
}

void VlanUser::remove(const Owner& owner, DeviceHost& host) const {
    const bool shared = owner.others_made_vlan &&
                        owner.others_made_vlan(schema::get(options_, "parent"), schema::get(options_, "vlan"));
    if (!shared) host.network().remove_interface(interface());
}

void MovedNic::check_host(const Owner& owner, DeviceHost& host) const {
    Nic::check_host(owner, host);
    if (!host.network().find(option("parent")))
        throw schema::bad_request("Parent device '{}' doesn't exist", option("parent"));
}

void MovedNic::fetch_back(const Owner& owner, DeviceHost& host) const {
    const auto host_name = remembered(owner, "host_name");
    // It is there where the container, or what brought it in, ended before.
    if (!host.network().find(host_name)) host.network().detach_interface(owner.instance, inside_name(owner), host_name);
}

std::vector<std::string> MovedNic::kept_keys() const {
    return {"host_name", "last_state.created", "last_state.hwaddr", "last_state.mtu"};
}

schema::Config MacvlanNic::prepare(const Owner& owner, DeviceHost& host) const {
    return to_remember({{"host_name", "mac" + host.random_hex(8)},
                        {"last_state.created", VlanUser(options()).is_ours(owner, host) ? "true" : "false"}});
}

std::string MacvlanNic::make(const Owner& owner, DeviceHost& host) const {
    const VlanUser vlan(options());
    const auto host_name = remembered(owner, "host_name");
    if (vlan.make(host)) host.network().set_up(vlan.interface());
    host.network().create_macvlan({host_name, vlan.interface(), chosen(owner, "hwaddr"), number("mtu")});
    return host_name;
}

void MacvlanNic::unmake(const Owner& owner, DeviceHost& host) const {
    host.network().remove_interface(remembered(owner, "host_name"));
    if (remembered(owner, "last_state.created") == "true") VlanUser(options()).remove(owner, host);
}

schema::Config PhysicalNic::prepare(const Owner& owner, DeviceHost& host) const {
    const VlanUser vlan(options());
    if (vlan.is_ours(owner, host))
        return to_remember({{"host_name", vlan.interface()}, {"last_state.created", "true"}});
    const auto state = host.network().find(vlan.interface());
    if (!state) return {}; // and the start will say so
    return to_remember({{"host_name", vlan.interface()},
                        {"last_state.created", "false"},
                        {"last_state.mtu", std::to_string(state->mtu)},
                        {"last_state.hwaddr", state->hwaddr}});
}

std::string PhysicalNic::make(const Owner&, DeviceHost& host) const {
    const VlanUser vlan(options());
    vlan.make(host);
    if (is_set("hwaddr")) host.network().set_hwaddr(vlan.interface(), option("hwaddr"));
    if (is_set("mtu")) host.network().set_mtu(vlan.interface(), number("mtu"));
    return vlan.interface();
}

void PhysicalNic::unmake(const Owner& owner, DeviceHost& host) const {
    if (remembered(owner, "last_state.created") == "true") return VlanUser(options()).remove(owner, host);
    restore(owner, host);
}

void MovedNic::restore(const Owner& owner, DeviceHost& host) const {
    const auto host_name = remembered(owner, "host_name");
    const auto now = host.network().find(host_name);
    if (!now) return;
    const auto mtu = static_cast<int>(schema::parse_integer(remembered(owner, "last_state.mtu")).value_or(0));
    if (mtu > 0 && mtu != now->mtu) host.network().set_mtu(host_name, mtu);
    const auto hwaddr = remembered(owner, "last_state.hwaddr");
    if (hwaddr.empty() || hwaddr == now->hwaddr) return;
    host.network().set_down(host_name); // which some drivers want for it
    host.network().set_hwaddr(host_name, hwaddr);
}

Nic::Items PhysicalNic::items(const Owner& owner, const std::string& made) const {
    return {{"type", "phys"}, {"flags", "up"}, {"link", made}, {"name", inside_name(owner)}};
}

} // namespace devices
