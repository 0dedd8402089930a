#include "daemon/instance/guest_changes.h"

#include <algorithm>
#include <array>
#include <set>

#include "schema/keys/devices.h"

namespace instance {

namespace {

using schema::Json;

constexpr std::array cloud_init_keys = {
    "cloud-init.network-config", "cloud-init.user-data", "cloud-init.vendor-data",
    "user.network-config",       "user.user-data",       "user.vendor-data",
};

bool is_for_guests(const std::string& key) {
    return key.starts_with("user.") || key.starts_with("cloud-init.");
}

GuestEvent config_event(const std::string& key, const std::string& before, const std::string& after) {
    Json metadata;
    metadata.set("key", key).set("old_value", before).set("value", after);
    return {"config", std::move(metadata)};
}

GuestEvent device_event(const char* action, const std::string& name, const schema::Device& options) {
    Json metadata;
    metadata.set("action", action).set("config", options).set("name", name);
    return {"device", std::move(metadata)};
}

void add_config_events(const schema::Config& before, const schema::Config& after, std::vector<GuestEvent>& events) {
    std::set<std::string> keys;
    for (const auto* config : {&before, &after})
        for (const auto& [key, value] : *config)
            if (is_for_guests(key)) keys.insert(key);
    for (const auto& key : keys) {
        const auto& old_value = schema::get(before, key);
        const auto& value = schema::get(after, key);
        if (old_value != value) events.push_back(config_event(key, old_value, value));
    }
}

void add_device_events(const schema::Devices& before, const schema::Devices& after, std::vector<GuestEvent>& events) {
    std::vector<GuestEvent> updated;
    std::vector<GuestEvent> added;
    for (const auto& [name, options] : after) {
        const auto old = before.find(name);
        const bool was = old != before.end();
        if (was && old->second == options) continue;
        const bool in_place = was && schema::may_change_live(old->second, options);
        (in_place ? updated : added).push_back(device_event(in_place ? "updated" : "added", name, options));
    }
    for (const auto& [name, options] : before) {
        const auto now = after.find(name);
        const bool stays =
            now != after.end() && (now->second == options || schema::may_change_live(options, now->second));
        if (!stays) events.push_back(device_event("removed", name, options));
    }
    std::ranges::move(updated, std::back_inserter(events));
    std::ranges::move(added, std::back_inserter(events));
}

/// Interfaces as they are called inside, as far as that is known: a name that was chosen at a start may be in either
/// record.
std::set<std::string> interface_names(const Record& record, const Record& other) {
    std::set<std::string> names;
    for (const auto& [device, options] : record.expanded_devices) {
        if (schema::get(options, "type") != "nic") continue;
        const auto key = "volatile." + device + ".name";
        const auto candidates = {schema::get(options, "name"), schema::get(record.expanded_config, key),
                                 schema::get(other.expanded_config, key), device};
        names.insert(*std::ranges::find_if(candidates, [](const auto& name) { return !name.empty(); }));
    }
    return names;
}

} // namespace

std::vector<GuestEvent> guest_events(const Record& before, const Record& after) {
    std::vector<GuestEvent> events;
    add_config_events(before.expanded_config, after.expanded_config, events);
    add_device_events(before.expanded_devices, after.expanded_devices, events);
    return events;
}

bool needs_new_instance_id(const Record& before, const Record& after) {
    const auto differs = [&](const char* key) {
        return schema::get(before.expanded_config, key) != schema::get(after.expanded_config, key);
    };
    return std::ranges::any_of(cloud_init_keys, differs) ||
           interface_names(before, after) != interface_names(after, before);
}

} // namespace instance
