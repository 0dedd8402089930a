#include "daemon/instance/volume_users.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "schema/error.h"

namespace instance {

namespace {

bool has_volume(const schema::Devices& devices, const storage::VolumePlace& volume) {
    return std::ranges::any_of(devices, [&](const auto& device) {
        return schema::get(device.second, "type") == "disk" && schema::get(device.second, "pool") == volume.pool &&
               schema::get(device.second, "source") == volume.name;
    });
}

/// The map that it runs with, or will.
schema::IdMap map_of(const Instance& instance) {
    const auto record = instance.record();
    const auto* key = instance.live().running ? "volatile.idmap.current" : "volatile.idmap.next";
    return schema::id_map_from(schema::get(record->expanded_config, key));
}

} // namespace

void VolumeUsers::check(const std::string& pool, const std::string& volume) {
    state::VolumeRow row;
    try {
        row = volumes_.row({pool, volume});
    } catch (const schema::Error& error) {
        if (std::string_view(error.what()) == "Storage pool not found")
            throw schema::bad_request("Failed to get storage pool {:?}: {}", pool, error.what());
        if (error.kind() == schema::ErrorKind::not_found)
            throw schema::bad_request("Failed loading custom volume: Storage volume not found");
        throw;
    }
    if (row.content_type == "block") throw schema::bad_request("Custom block volumes cannot be used on containers");
}

void VolumeUsers::check_others(const storage::VolumePlace& volume, const devices::VolumeUser& user) const {
    size_t users = 0;
    std::string other;
    for (const auto& instance : instances_.list()) {
        const auto record = instance->record();
        if (!has_volume(record->expanded_devices, volume)) continue;
        ++users;
        if (record->row.name == user.instance) continue;
        if (!schema::same_ids(map_of(*instance), user.id_map)) other = record->row.name;
    }
    if (other.empty()) return;
    if (users == 1) throw schema::failure("Idmaps of container and storage volume are not identical");
    throw schema::failure("Idmaps of container {:?} and storage volume {:?} are not identical", other, volume.name);
}

devices::VolumeUse VolumeUsers::use(const std::string& pool, const std::string& volume,
                                    const devices::VolumeUser& user) {
    try {
        const auto use = volumes_.use({pool, volume}, {user.instance, user.device, user.id_map},
                                      {[this](const std::string& path) { return host_.can_map_ids(path); },
                                       [&] { check_others({pool, volume}, user); }});
        return {use.path, use.idmapped};
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed mounting volume: Failed mounting storage volume {:?} of "
                                                      "type \"custom\" on storage pool {:?}: {}",
                                                      volume, pool, error.what()));
    }
}

void VolumeUsers::release(const std::string& pool, const std::string& volume, const devices::VolumeUser& user) {
    volumes_.release({pool, volume}, user.instance, user.device);
}

void VolumeUsers::change(const storage::VolumePlace& volume, const std::function<void()>& work) {
    std::vector<std::shared_ptr<Instance>> users;
    std::vector<std::unique_lock<std::recursive_mutex>> locks;
    for (const auto& instance : instances_.list()) { // in one order for all who hold several
        const auto record = instance->record();
        if (!has_volume(record->row.put.devices, volume) && !has_volume(record->expanded_devices, volume)) continue;
        locks.emplace_back(instance->change_lock());
        users.push_back(instance);
    }
    work();
    for (const auto& instance : users)
        if (auto row = rows_.find(instance->record()->row.name))
            instance->set_record(instances_.expand(*std::move(row)));
}

} // namespace instance
