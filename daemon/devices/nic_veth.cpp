#include "daemon/base/rollback.h"
#include "daemon/devices/nic.h"
#include "daemon/network/bridge_filter.h"
#include "schema/error.h"
#include "schema/units.h"
#include "schema/values.h"

namespace devices {

namespace {

/// 0: none
uint32_t priority(const schema::Device& options) {
    const auto& wanted = schema::get(options, "limits.priority");
    return wanted.empty() ? 0 : static_cast<uint32_t>(std::stoul(wanted));
}

} // namespace

TrafficLimits traffic_limits(const schema::Device& options) {
    if (const auto& both = schema::get(options, "limits.max"); !both.empty()) {
        const auto bits = schema::parse_bits(both);
        return {bits, bits};
    }
    return {schema::parse_bits(schema::get(options, "limits.ingress")),
            schema::parse_bits(schema::get(options, "limits.egress"))};
}

bool VethNic::has_limits() const {
    return traffic_limits(options()) != TrafficLimits() || priority(options()) != 0;
}

schema::Config VethNic::prepare(const Owner& owner, DeviceHost& host) const {
    const auto& wanted = option("host_name");
    if (wanted.empty()) return to_remember({{"host_name", "veth" + host.random_hex(8)}});
    // What is written down is removed after a crash: it must not be somebody else's.
    if (wanted != remembered(owner, "host_name") && host.network().find(wanted))
        throw schema::failure("Failed to create the veth interface {}: there is an interface of this name",
                              schema::quoted(wanted));
    return to_remember({{"host_name", wanted}});
}

Start VethNic::start(const Owner& owner, DeviceHost& host, int nic_index) const {
    if (!is_plain()) return Nic::start(owner, host, nic_index);
    // The engine makes a pair with its other end in the container's namespace. To move an end there, as is done with
    // one that was made before, takes the kernel longer than all the rest of a start.
    check_host(owner, host);
    const auto host_name = remembered(owner, "host_name");
    Items items = {{"type", "veth"}, {"flags", "up"}, {"veth.pair", host_name}, {"name", inside_name(owner)}};
    const auto add = [&](const char* key, const std::string& value) {
        if (!value.empty()) items.push_back({key, value});
    };
    add("link", option("parent"));
    add("hwaddr", chosen(owner, "hwaddr"));
    add("mtu", option("mtu"));
    Start start;
    start.items = numbered(std::move(items), nic_index);
    start.on_running = [this, &host, host_name] { finish_plain(host, host_name); };
    return start;
}

std::string VethNic::make(const Owner& owner, DeviceHost& host) const {
    auto& network = host.network();
    Veth veth{remembered(owner, "host_name"), "veth" + host.random_hex(8), chosen(owner, "hwaddr"), number("mtu")};
    if (veth.mtu == 0 && is_set("parent"))
        if (const auto parent = network.find(option("parent"))) veth.mtu = parent->mtu;
    network.create_veth(veth);
    if (const auto limits = traffic_limits(options()); limits != TrafficLimits()) network.limit(veth.host_name, limits);
    if (priority(options()) != 0) prioritize(owner, host, veth.host_name);
    connect(owner, host, veth.host_name);
    network.set_up(veth.host_name);
    return veth.peer;
}

void VethNic::unmake(const Owner& owner, DeviceHost& host) const {
    const auto host_name = remembered(owner, "host_name");
    disconnect(owner, host, host_name);
    host.network().limit(host_name, {});
    if (priority(options()) != 0)
        host.network().apply_rules(network::without_packet_priority(network::chain_label(owner.instance, name())));
    host.network().remove_interface(host_name);
}

void VethNic::prioritize(const Owner& owner, DeviceHost& host, const std::string& host_name) const {
    const auto label = network::chain_label(owner.instance, name());
    const auto wanted = priority(options());
    host.network().apply_rules(wanted == 0 ? network::without_packet_priority(label)
                                           : network::packet_priority(label, host_name, wanted));
}

void VethNic::update(const schema::Device& before, const Owner& owner, DeviceHost& host) const {
    const auto host_name = remembered(owner, "host_name");
    const auto limits = traffic_limits(options());
    base::Rollback rollback;
    rollback.add([&] { host.network().limit(host_name, traffic_limits(before)); });
    host.network().limit(host_name, limits);
    if (priority(options()) != priority(before)) prioritize(owner, host, host_name);
    reconnect(before, owner, host, host_name);
    rollback.dismiss();
}

} // namespace devices
