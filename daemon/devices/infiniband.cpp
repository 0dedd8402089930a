#include "daemon/devices/infiniband.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "daemon/base/rollback.h"
#include "schema/error.h"
#include "schema/values.h"

namespace devices {

namespace {

using schema::resources::NetworkCard;
using schema::resources::NetworkPort;

constexpr std::array<const char*, 3> kept_keys = {"host_name", "last_state.hwaddr", "last_state.mtu"};

void add_ports(const NetworkCard& card, std::vector<NetworkPort>& ports) {
    for (const auto& port : card.ports)
        if (port.protocol == "infiniband") ports.push_back(port);
}

/// An address of 8 bytes replaces the last ones of the interface's 20.
std::string whole_address(const std::string& present, const std::string& wanted) {
    constexpr size_t short_form = 8 * 3 - 1;
    if (wanted.size() != short_form || present.size() <= short_form) return wanted;
    return present.substr(0, present.size() - short_form) + wanted;
}

} // namespace

std::string Infiniband::remembered(const Owner& owner, const std::string& key) const {
    return schema::get(owner.config, fmt::format("volatile.{}.{}", name(), key));
}

std::string Infiniband::inside_name(const Owner& owner) const {
    return option("name").empty() ? remembered(owner, "name") : option("name");
}

std::vector<NetworkPort> Infiniband::ports(DeviceHost& host) const {
    const auto& parent = option("parent");
    std::vector<NetworkPort> found;
    for (const auto& card : host.nodes().network_cards().cards) {
        std::vector<NetworkPort> own;
        add_ports(card, own);
        const auto port = std::ranges::find(own, parent, &NetworkPort::id);
        if (port != own.end()) found.push_back(*port);
        if (!card.sriov) continue;
        std::vector<NetworkPort> functions;
        for (const auto& function : card.sriov->vfs) add_ports(function, functions);
        std::erase_if(functions, [&](const NetworkPort& function) {
            return port == own.end() ? function.id != parent : function.port != port->port;
        });
        found.insert(found.end(), functions.begin(), functions.end());
    }
    return found;
}

schema::Config Infiniband::prepare(const Owner&, DeviceHost& host) const {
    const auto port = chosen_port(host);
    const auto state = port ? host.network().find(port->id) : std::nullopt;
    if (!state) return {}; // and the start will say so
    const std::array<std::string, 3> values = {port->id, state->hwaddr, std::to_string(state->mtu)};
    schema::Config changes;
    for (size_t i = 0; i < kept_keys.size(); ++i)
        changes[fmt::format("volatile.{}.{}", name(), kept_keys[i])] = values[i];
    return changes;
}

NetworkPort Infiniband::taken_port(const Owner& owner, DeviceHost& host) const {
    if (inside_name(owner).empty()) throw schema::bad_request("Requires name property to start");
    if (!host.network().find(option("parent")))
        throw schema::bad_request("Parent device '{}' doesn't exist", option("parent"));
    const auto all = ports(host);
    const auto port = std::ranges::find(all, remembered(owner, "host_name"), &NetworkPort::id);
    if (port == all.end()) throw schema::bad_request("{}", missing());
    auto& network = host.network();
    if (!option("hwaddr").empty())
        network.set_hwaddr(port->id, whole_address(remembered(owner, "last_state.hwaddr"), option("hwaddr")));
    if (const auto mtu = schema::parse_integer(option("mtu"))) network.set_mtu(port->id, static_cast<int>(*mtu));
    return *port;
}

std::vector<Node> Infiniband::nodes_of(const Port& port, DeviceHost& host) const {
    if (!port.infiniband) throw schema::bad_request("No infiniband devices supplied");
    std::vector<Node> nodes;
    for (const auto& part : {port.infiniband->issm_name, port.infiniband->mad_name, port.infiniband->verb_name}) {
        if (part.empty()) continue;
        const auto path = "/dev/infiniband/" + part;
        const auto found = host.nodes().find_node(path);
        if (!found)
            throw schema::bad_request("Failed to get device attributes for {}: no such file or directory", path);
        nodes.push_back({path, *found});
    }
    return nodes;
}

Start Infiniband::start(const Owner& owner, DeviceHost& host, int nic_index) const {
    base::Rollback rollback;
    rollback.add([&] { stopped(owner, host); });
    const auto port = taken_port(owner, host);
    auto start = start_nodes(owner, host, nodes_of(port, host));
    const std::pair<const char*, std::string> items[] = {
        {"type", "phys"}, {"flags", "up"}, {"link", port.id}, {"name", inside_name(owner)}};
    for (const auto& [key, value] : items) start.items.push_back({fmt::format("lxc.net.{}.{}", nic_index, key), value});
    rollback.dismiss();
    return start;
}

void Infiniband::restore(const Owner& owner, DeviceHost& host) const {
    auto& network = host.network();
    const auto host_name = remembered(owner, "host_name");
    const auto now = host_name.empty() ? std::nullopt : network.find(host_name);
    if (!now) return;
    const auto hwaddr = remembered(owner, "last_state.hwaddr");
    const auto mtu = static_cast<int>(schema::parse_integer(remembered(owner, "last_state.mtu")).value_or(0));
    if (!hwaddr.empty() && hwaddr != now->hwaddr) network.set_hwaddr(host_name, hwaddr);
    if (mtu > 0 && mtu != now->mtu) network.set_mtu(host_name, mtu);
}

schema::Config Infiniband::forgotten() const {
    schema::Config changes;
    for (const auto* key : kept_keys) changes[fmt::format("volatile.{}.{}", name(), key)] = "";
    return changes;
}

schema::Config Infiniband::stopped(const Owner& owner, DeviceHost& host) const {
    NodeDevice::stopped(owner, host);
    restore(owner, host);
    return forgotten();
}

schema::Config Infiniband::attach(const Owner& owner, DeviceHost& host) const {
    base::Rollback rollback;
    rollback.add([&] { restore(owner, host); });
    const auto port = taken_port(owner, host);
    attach_nodes(owner, host, nodes_of(port, host));
    rollback.add([&] { NodeDevice::detach(owner, host); });
    host.network().attach_interface(owner.instance, port.id, inside_name(owner));
    rollback.dismiss();
    return {};
}

schema::Config Infiniband::detach(const Owner& owner, DeviceHost& host) const {
    NodeDevice::detach(owner, host);
    const auto host_name = remembered(owner, "host_name");
    if (!host_name.empty() && !host.network().find(host_name))
        host.network().detach_interface(owner.instance, inside_name(owner), host_name);
    restore(owner, host);
    return forgotten();
}

std::optional<NetworkPort> PhysicalInfiniband::chosen_port(DeviceHost& host) const {
    const auto all = ports(host);
    const auto own = std::ranges::find(all, option("parent"), &NetworkPort::id);
    return own == all.end() ? std::nullopt : std::optional(*own);
}

std::string PhysicalInfiniband::missing() const {
    return fmt::format("Specified infiniband device \"{}\" not found", option("parent"));
}

std::optional<NetworkPort> SriovInfiniband::chosen_port(DeviceHost& host) const {
    // Those that containers have are in their network namespaces, where the host does not see them.
    const auto all = ports(host);
    const auto free = std::ranges::find_if(all, [&](const Port& port) { return port.id != option("parent"); });
    return free == all.end() ? std::nullopt : std::optional(*free);
}

std::string SriovInfiniband::missing() const {
    return "All virtual functions on parent device are already in use";
}

} // namespace devices
