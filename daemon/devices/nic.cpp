#include "daemon/devices/nic.h"

#include <set>

#include <fmt/format.h>

#include "daemon/base/rollback.h"
#include "schema/error.h"
#include "schema/values.h"

namespace devices {

namespace {

std::string volatile_of(const std::string& device, const std::string& key) {
    return "volatile." + device + "." + key;
}

std::string random_hwaddr(DeviceHost& host) {
    // Xen's range, which LXD uses.
    const auto digits = host.random_hex(6);
    return fmt::format("00:16:3e:{}:{}:{}", digits.substr(0, 2), digits.substr(2, 2), digits.substr(4, 2));
}

/// Names that network devices have, by option or by earlier choice.
std::set<std::string> taken_names(const schema::Devices& devices, const schema::Config& config) {
    std::set<std::string> taken;
    for (const auto& [name, device] : devices) {
        if (schema::get(device, "type") != "nic") continue;
        taken.insert(schema::get(device, "name"));
        taken.insert(schema::get(config, volatile_of(name, "name")));
    }
    return taken;
}

/// The device of a volatile key that network devices have: "volatile.eth0.name" -> "eth0"; empty for other keys.
std::string_view nic_of(std::string_view key) {
    constexpr std::string_view prefix = "volatile.";
    if (!key.starts_with(prefix)) return {};
    for (const std::string_view suffix : {".hwaddr", ".name", ".host_name"}) {
        if (key.ends_with(suffix)) return key.substr(prefix.size(), key.size() - prefix.size() - suffix.size());
    }
    return {};
}

void forget_others(const schema::Devices& devices, const schema::Config& config, schema::Config& changes) {
    for (const auto& [key, value] : config) {
        const std::string device(nic_of(key));
        if (device.empty()) continue;
        const auto found = devices.find(device);
        if (found == devices.end() || schema::get(found->second, "type") != "nic") changes[key] = "";
    }
}

std::string free_name(const std::set<std::string>& taken) {
    for (int i = 0;; ++i) {
        auto name = fmt::format("eth{}", i);
        if (!taken.contains(name)) return name;
    }
}

} // namespace

schema::Config missing_volatile(const schema::Devices& expanded, const schema::Config& expanded_config,
                                DeviceHost& host) {
    schema::Config missing;
    auto taken = taken_names(expanded, expanded_config);
    for (const auto& [name, device] : expanded) {
        if (schema::get(device, "type") != "nic") continue;
        const auto lacks = [&, &device_name = name, &options = device](const std::string& key) {
            return schema::get(options, key).empty() &&
                   schema::get(expanded_config, volatile_of(device_name, key)).empty();
        };
        if (lacks("hwaddr")) missing[volatile_of(name, "hwaddr")] = random_hwaddr(host);
        if (lacks("name")) {
            const auto chosen = free_name(taken);
            taken.insert(chosen);
            missing[volatile_of(name, "name")] = chosen;
        }
    }
    forget_others(expanded, expanded_config, missing);
    return missing;
}

std::string Nic::volatile_key(const std::string& key) const {
    return volatile_of(name(), key);
}

std::string Nic::chosen(const Owner& owner, const std::string& key) const {
    const auto& value = option(key);
    return value.empty() ? schema::get(owner.config, volatile_key(key)) : value;
}

std::string Nic::inside_name(const Owner& owner) const {
    auto inside = chosen(owner, "name");
    if (inside.empty()) throw schema::bad_request("Requires name property to start");
    return inside;
}

std::string Nic::new_host_name(DeviceHost& host) const {
    return option("host_name").empty() ? "veth" + host.random_hex(8) : option("host_name");
}

Start Nic::start(const Owner& owner, DeviceHost& host, int nic_index) const {
    check_host(owner, host);
    const auto host_name = new_host_name(host);
    Start start;
    const auto add = [&](std::string_view key, const std::string& value) {
        if (!value.empty()) start.items.push_back({fmt::format("lxc.net.{}.{}", nic_index, key), value});
    };
    add("type", "veth");
    add("flags", "up");
    add("link", bridge());
    add("name", inside_name(owner));
    add("hwaddr", chosen(owner, "hwaddr"));
    add("mtu", option("mtu"));
    add("veth.pair", host_name);
    start.volatile_changes[volatile_key("host_name")] = host_name;
    if (!bridge().empty()) start.after_start = [&host, host_name] { host.disable_ipv6(host_name); };
    return start;
}

schema::Config Nic::stopped(const Owner& owner, DeviceHost& host) const {
    // It went with the container's namespace, unless something held that.
    if (const auto& host_name = schema::get(owner.config, volatile_key("host_name")); !host_name.empty()) {
        host.remove_interface(host_name);
    }
    return {{volatile_key("host_name"), ""}};
}

schema::Config Nic::attach(const Owner& owner, DeviceHost& host) const {
    check_host(owner, host);
    Veth veth{new_host_name(host), "veth" + host.random_hex(8), chosen(owner, "hwaddr"), 0};
    const auto inside = inside_name(owner);
    if (const auto mtu = schema::parse_integer(option("mtu"))) {
        veth.mtu = static_cast<int>(*mtu);
    } else if (!bridge().empty()) {
        veth.mtu = host.interface_mtu(bridge());
    }
    base::Rollback rollback;
    host.create_veth(veth);
    rollback.add([&] { host.remove_interface(veth.host_name); });
    if (!bridge().empty()) {
        host.disable_ipv6(veth.host_name);
        host.add_to_bridge(veth.host_name, bridge());
    }
    host.set_up(veth.host_name);
    host.attach_interface(owner.instance, veth.peer, inside);
    rollback.dismiss();
    return {{volatile_key("host_name"), veth.host_name}};
}

schema::Config Nic::detach(const Owner& owner, DeviceHost& host) const {
    // The end inside goes with this one.
    return stopped(owner, host);
}

} // namespace devices
