#include "daemon/instance/brought_back.h"

#include "daemon/devices/device.h"

namespace instance {

namespace {

/// The map says whose ids the files have, so it goes with them.
bool tells_of_a_run(const std::string& key) {
    if (!key.starts_with("volatile.") || key == "volatile.last_state.idmap") return false;
    return key.find(".last_state.") != std::string::npos || key.ends_with(".host_name") ||
           key.starts_with("volatile.idmap.");
}

} // namespace

schema::InstancePut brought_back(const schema::InstancePut& present, const schema::InstancePut& snapshot) {
    auto put = snapshot;
    put.stateful = present.stateful;
    std::erase_if(put.config, [](const auto& row) { return tells_of_a_run(row.first); });
    for (const auto& [key, value] : present.config)
        if (key.starts_with("volatile.")) put.config.try_emplace(key, value);
    return put;
}

schema::Devices with_root_in(const std::string& pool, const state::InstanceRow& row, const Registry& instances) {
    auto devices = row.put.devices;
    const auto record = instances.expand(row);
    auto root = devices::root_disk(record.expanded_devices);
    schema::Device options{{"type", "disk"}, {"path", "/"}};
    if (!root.empty()) {
        options = record.expanded_devices.at(root);
        if (schema::get(options, "pool") == pool) return devices;
    } else {
        for (root = "root"; record.expanded_devices.contains(root);) root += '_';
    }
    options["pool"] = pool;
    devices[root] = options;
    return devices;
}

} // namespace instance
