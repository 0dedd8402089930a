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
        if (!is_network_device(device)) continue;
        taken.insert(schema::get(device, "name"));
        taken.insert(schema::get(config, volatile_of(name, "name")));
    }
    return taken;
}

/// The device of a volatile key that network devices have: "volatile.eth0.name" -> "eth0"; empty for other keys.
std::string_view nic_of(std::string_view key) {
    constexpr std::string_view prefix = "volatile.";
    if (!key.starts_with(prefix)) return {};
    const auto rest = key.substr(prefix.size());
    if (const auto state = rest.find(".last_state."); state != std::string_view::npos) return rest.substr(0, state);
    for (const std::string_view suffix : {".hwaddr", ".name", ".host_name"}) {
        if (rest.ends_with(suffix)) return rest.substr(0, rest.size() - suffix.size());
    }
    return {};
}

void forget_others(const schema::Devices& devices, const schema::Config& config, schema::Config& changes) {
    for (const auto& [key, value] : config) {
        const std::string device(nic_of(key));
        if (device.empty()) continue;
        const auto found = devices.find(device);
        if (found == devices.end() || !is_network_device(found->second)) changes[key] = "";
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
        if (!is_network_device(device)) continue;
        const auto lacks = [&, &device_name = name, &options = device](const std::string& key) {
            return schema::get(options, key).empty() &&
                   schema::get(expanded_config, volatile_of(device_name, key)).empty();
        };
        const auto& kind = schema::get(device, "nictype");
        const bool has_one = kind == "physical" || kind == "ipvlan" || kind == "sriov";
        if (schema::get(device, "type") == "nic" && !has_one && lacks("hwaddr"))
            missing[volatile_of(name, "hwaddr")] = random_hwaddr(host);
        if (lacks("name")) {
            const auto chosen = free_name(taken);
            taken.insert(chosen);
            missing[volatile_of(name, "name")] = chosen;
        }
    }
    forget_others(expanded, expanded_config, missing);
    return missing;
}

std::string Nic::remembered(const Owner& owner, const std::string& key) const {
    return schema::get(owner.config, volatile_of(name(), key));
}

schema::Config Nic::to_remember(const schema::Config& values) const {
    schema::Config changes;
    for (const auto& [key, value] : values) changes[volatile_of(name(), key)] = value;
    return changes;
}

std::string Nic::chosen(const Owner& owner, const std::string& key) const {
    const auto& value = option(key);
    return value.empty() ? remembered(owner, key) : value;
}

std::string Nic::inside_name(const Owner& owner) const {
    auto inside = chosen(owner, "name");
    if (inside.empty()) throw schema::bad_request("Requires name property to start");
    return inside;
}

std::vector<std::string> Nic::list(const std::string& key) const {
    std::vector<std::string> values;
    for (const auto part : schema::split(option(key), ','))
        if (const auto value = schema::stripped(part); !value.empty()) values.emplace_back(value);
    return values;
}

std::vector<std::string> Nic::both_lists(const std::string& key) const {
    auto values = list("ipv4." + key);
    for (auto& value : list("ipv6." + key)) values.push_back(std::move(value));
    return values;
}

int Nic::number(const std::string& key) const {
    return static_cast<int>(schema::parse_integer(option(key)).value_or(0));
}

void Nic::check_parent(DeviceHost& host) const {
    if (!host.network().find(option("parent")))
        throw schema::bad_request("Parent device {} doesn't exist", schema::quoted(option("parent")));
}

void Nic::check_host(const Owner& owner, DeviceHost&) const {
    inside_name(owner);
}

Nic::Items Nic::items(const Owner& owner, const std::string& made) const {
    Items items = {{"type", "phys"}, {"flags", "up"}, {"link", made}, {"name", inside_name(owner)}};
    if (const auto hwaddr = chosen(owner, "hwaddr"); !hwaddr.empty()) items.push_back({"hwaddr", hwaddr});
    return items;
}

std::vector<schema::LxcItem> Nic::numbered(Items items, int nic_index) {
    for (auto& item : items) item.key = fmt::format("lxc.net.{}.{}", nic_index, item.key);
    return items;
}

Start Nic::start(const Owner& owner, DeviceHost& host, int nic_index) const {
    check_host(owner, host);
    base::Rollback rollback;
    rollback.add([&] { unmake(owner, host); });
    Start start;
    start.items = numbered(items(owner, make(owner, host)), nic_index);
    rollback.dismiss();
    return start;
}

schema::Config Nic::stopped(const Owner& owner, DeviceHost& host) const {
    if (!remembered(owner, "host_name").empty()) unmake(owner, host);
    schema::Config forgotten;
    for (const auto& key : kept_keys()) forgotten[volatile_of(name(), key)] = "";
    return forgotten;
}

schema::Config Nic::attach(const Owner& owner, DeviceHost& host) const {
    check_host(owner, host);
    base::Rollback rollback;
    rollback.add([&] { unmake(owner, host); });
    const auto made = make(owner, host);
    host.network().attach_interface(owner.instance, made, inside_name(owner));
    rollback.add([&] { fetch_back(owner, host); });
    configure_inside(owner, host);
    rollback.dismiss();
    return {};
}

schema::Config Nic::detach(const Owner& owner, DeviceHost& host) const {
    if (!remembered(owner, "host_name").empty()) fetch_back(owner, host);
    return stopped(owner, host);
}

} // namespace devices
