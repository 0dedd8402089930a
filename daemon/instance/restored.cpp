#include "daemon/instance/restored.h"

#include <algorithm>
#include <array>
#include <set>

#include "daemon/devices/device.h"
#include "schema/error.h"
#include "schema/id_map.h"
#include "schema/names.h"

namespace instance {

namespace {

constexpr const char* disk_map_key = "volatile.last_state.idmap";

/// What another daemon noted and still holds here; the rest of its notes are about that daemon's host.
bool is_kept(const std::string& key) {
    if (!key.starts_with("volatile.")) return true;
    constexpr std::array<std::string_view, 5> kept{"volatile.apply_template", "volatile.base_image", "volatile.uuid",
                                                   "volatile.cloud-init.instance-id", disk_map_key};
    if (std::find(kept.begin(), kept.end(), key) != kept.end()) return true;
    return key.ends_with(".hwaddr") || (key.ends_with(".name") && !key.ends_with(".host_name"));
}

schema::Config kept(schema::Config config) {
    std::erase_if(config, [](const auto& row) { return !is_kept(row.first) || row.second.empty(); });
    schema::id_map_from(schema::get(config, disk_map_key)); // throws where it is none
    config.try_emplace(disk_map_key, "[]");
    return config;
}

/// What the profiles give, the last one's word counting.
schema::Devices devices_of(const std::vector<std::string>& names, const state::Profiles& profiles) {
    schema::Devices devices;
    for (const auto& name : names) {
        const auto profile = profiles.find(name);
        if (!profile)
            throw schema::failure("Failed loading profiles for instance: Requested profile {:?} doesn't exist", name);
        for (const auto& [device, options] : profile->devices) devices[device] = options;
    }
    return devices;
}

schema::Config without_pool(schema::Config options) {
    options.erase("pool");
    return options;
}

std::string free_device_name(const schema::Devices& devices) {
    std::string name = "root";
    for (int number = 0; devices.contains(name); ++number) name = "root" + std::to_string(number);
    return name;
}

/// The instance's own devices with a root disk on that pool.
schema::Devices with_root(schema::Devices own, const schema::Devices& expanded, const std::string& pool,
                          const schema::Devices& of_profiles) {
    if (const auto root = devices::root_disk(own); !root.empty()) {
        own[root]["pool"] = pool;
        return own;
    }
    auto all = of_profiles;
    for (const auto& [name, options] : own) all[name] = options;
    const auto now = devices::root_disk(all);
    const auto before = devices::root_disk(expanded);
    const bool fits = !now.empty() && schema::get(all[now], "pool") == pool &&
                      (before.empty() || without_pool(all[now]) == without_pool(expanded.at(before)));
    if (fits) return own;
    schema::Config root = before.empty() ? schema::Config{{"type", "disk"}, {"path", "/"}} : expanded.at(before);
    root["pool"] = pool;
    own[now.empty() ? free_device_name(all) : now] = root;
    return own;
}

} // namespace

Creation restored(const schema::BackupConfig& config, const std::string& name, const std::string& pool,
                  const state::Profiles& profiles) {
    schema::check_instance_name(name);
    if (!config.instance) throw schema::bad_request("No instance config in backup config");
    const auto& instance = *config.instance;
    if (instance.type != "container" && !instance.type.empty())
        throw schema::bad_request("Virtual machines are not supported");
    Creation creation;
    creation.name = name;
    creation.put = instance;
    creation.put.restore.clear();
    creation.put.stateful = false;
    creation.put.config = kept(instance.config);
    creation.put.devices =
        with_root(instance.devices, instance.expanded_devices, pool, devices_of(instance.profiles, profiles));
    creation.made_before = Creation::MadeBefore{instance.created_at, instance.last_used_at};
    return creation;
}

std::vector<state::SnapshotRow> restored_snapshots(const schema::BackupConfig& config, const std::string& name,
                                                   const std::string& pool, const std::vector<std::string>& names,
                                                   const state::Profiles& profiles) {
    std::vector<state::SnapshotRow> rows;
    for (const auto& wanted : names) {
        const auto found = std::find_if(config.snapshots.begin(), config.snapshots.end(),
                                        [&](const auto& snapshot) { return snapshot.name == wanted; });
        if (found == config.snapshots.end())
            throw schema::bad_request("The backup says nothing of its snapshot {:?}", wanted);
        state::SnapshotRow row;
        row.instance = name;
        row.name = wanted;
        row.put = *found;
        row.put.stateful = false;
        row.put.config = kept(found->config);
        row.put.devices =
            with_root(found->devices, found->expanded_devices, pool, devices_of(found->profiles, profiles));
        row.created_at = found->created_at;
        row.last_used_at = found->last_used_at;
        row.expires_at = found->expires_at;
        for (const auto& volume : config.volume_snapshots)
            if (volume.name == wanted) row.volume_description = volume.description;
        rows.push_back(std::move(row));
    }
    return rows;
}

} // namespace instance
