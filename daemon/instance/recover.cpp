#include "daemon/instance/recover.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "daemon/instance/backup_config.h"
#include "daemon/instance/restored.h"
#include "daemon/state/volumes.h"
#include "daemon/storage/volumes.h"
#include "schema/error.h"

namespace instance {

namespace {

using storage::VolumeType;

void add_once(std::vector<std::string>& list, std::string text) {
    if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

/// As the instance's file lists them, oldest first; then those that it does not name. One that is not on disk is no
/// reason to recover nothing, unlike with LXD: a file that a power cut brought back tells of it.
std::vector<std::string> in_order(std::vector<std::string> on_disk, const std::string& instance,
                                  const schema::BackupConfig& config, base::Log& log) {
    std::sort(on_disk.begin(), on_disk.end());
    std::vector<std::string> names;
    for (const auto& snapshot : config.snapshots) {
        if (std::binary_search(on_disk.begin(), on_disk.end(), snapshot.name))
            add_once(names, snapshot.name);
        else
            log.warning("A snapshot cannot be recovered: it is not on the storage pool",
                        {{"instance", instance}, {"snapshot", snapshot.name}});
    }
    for (const auto& name : on_disk) add_once(names, name);
    return names;
}

std::optional<FoundVolume> container_in(storage::Driver& driver, const std::string& pool, const std::string& name,
                                        base::Log& log) {
    FoundVolume found;
    found.pool = pool;
    found.type = "container";
    found.name = name;
    const auto folder = driver.view({VolumeType::container, name});
    auto config = read_backup_file(*folder);
    if (!config || !config->instance) {
        log.warning("A volume cannot be recovered: it has no backup.yaml", {{"pool", pool}, {"volume", name}});
        return {};
    }
    if (config->instance->name != name)
        throw schema::failure("Instance {:?} in pool {:?} has a different instance name in its backup file ({:?})",
                              name, pool, config->instance->name);
    found.profiles = config->instance->profiles;
    found.config = *std::move(config);
    found.snapshots = in_order(driver.snapshots({VolumeType::container, name}), name, found.config, log);
    return found;
}

void look_for_containers(storage::Driver& driver, const std::string& pool, const RecoverRooms& rooms, Found& found) {
    auto names = driver.list(VolumeType::container);
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
        if (const auto known = rooms.instances.find(name)) {
            if (known->record()->row.pool == pool) continue;
            throw schema::failure("Instance {:?} in pool {:?} already exists on another pool", name, pool);
        }
        auto volume = container_in(driver, pool, name, rooms.log);
        if (!volume) continue;
        for (const auto& profile : volume->profiles)
            if (!rooms.profiles.find(profile))
                add_once(found.missing, fmt::format("Profile {:?} in project \"default\"", profile));
        found.volumes.push_back(*std::move(volume));
    }
}

/// Those of other projects cannot be told of: there is one project.
void look_for_customs(storage::Driver& driver, const std::string& pool, const RecoverRooms& rooms, Found& found) {
    const state::Volumes rows(rooms.database);
    const auto project = storage::custom_volume("").name;
    auto on_disk = driver.list(VolumeType::custom);
    std::sort(on_disk.begin(), on_disk.end());
    for (const auto& name : on_disk) {
        if (!name.starts_with(project)) {
            rooms.log.warning("A custom volume of another project cannot be recovered",
                              {{"pool", pool}, {"volume", name}});
            continue;
        }
        const storage::VolumeId id{VolumeType::custom, name};
        FoundVolume volume;
        volume.pool = pool;
        volume.type = "volume";
        volume.name = storage::custom_name(id);
        if (rows.find(pool, "custom", volume.name)) continue;
        volume.snapshots = driver.snapshots(id);
        std::sort(volume.snapshots.begin(), volume.snapshots.end());
        found.volumes.push_back(std::move(volume));
    }
}

/// With what an instance on it knows of it, which is more than its user remembers.
void take_in_pool(schema::StoragePool pool, const Found& found, const RecoverRooms& rooms) {
    for (const auto& volume : found.volumes) {
        if (volume.pool != pool.name || !volume.config.pool || volume.config.pool->driver != pool.driver) continue;
        const auto source = schema::get(pool.config, "source");
        pool.config = volume.config.pool->config;
        pool.description = volume.config.pool->description;
        if (!source.empty()) pool.config["source"] = source;
        break;
    }
    rooms.pools.take_in(std::move(pool));
}

void take_in_custom(const FoundVolume& volume, const RecoverRooms& rooms) {
    state::Volumes rows(rooms.database);
    rooms.database.transaction([&] {
        state::VolumeRow row;
        row.pool = volume.pool;
        row.name = volume.name;
        row.created_at = std::chrono::system_clock::now();
        const auto id = rows.insert(row);
        for (const auto& name : volume.snapshots) {
            state::VolumeSnapshotRow snapshot;
            snapshot.name = name;
            snapshot.created_at = row.created_at;
            rows.insert_snapshot(id, snapshot);
        }
    });
}

void take_in_container(const FoundVolume& volume, const RecoverRooms& rooms) {
    auto config = volume.config;
    if (!config.instance) return;
    const auto instance = *config.instance;
    std::set<std::string> described;
    for (const auto& snapshot : config.snapshots) described.insert(snapshot.name);
    for (const auto& name : volume.snapshots) {
        if (described.contains(name)) continue;
        schema::BackedUpSnapshot snapshot; // as the instance is: nothing else is known
        static_cast<schema::InstancePut&>(snapshot) = instance;
        snapshot.name = name;
        snapshot.created_at = std::chrono::system_clock::now();
        snapshot.expanded_devices = instance.expanded_devices;
        config.snapshots.push_back(std::move(snapshot));
    }
    rooms.lifecycle.take_in(restored(config, volume.name, volume.pool, rooms.profiles), volume.pool,
                            restored_snapshots(config, volume.name, volume.pool, volume.snapshots, rooms.profiles));
}

} // namespace

Found find_lost(const std::vector<schema::StoragePool>& pools, const RecoverRooms& rooms) {
    Found found;
    std::set<std::string> seen;
    for (const auto& pool : pools) {
        if (!seen.insert(pool.name).second) continue;
        rooms.pools.look_into(pool, [&](storage::Driver& driver) {
            look_for_containers(driver, pool.name, rooms, found);
            look_for_customs(driver, pool.name, rooms, found);
        });
    }
    return found;
}

void recover(const std::vector<schema::StoragePool>& pools, const RecoverRooms& rooms) {
    const auto found = find_lost(pools, rooms);
    if (!found.missing.empty()) throw schema::failure("Missing: {}", found.missing.front());
    const auto known = rooms.pools.list();
    for (const auto& pool : pools)
        if (std::none_of(known.begin(), known.end(), [&](const auto& one) { return one.name == pool.name; }))
            take_in_pool(pool, found, rooms);
    for (const auto& volume : found.volumes)
        if (volume.type == "volume") take_in_custom(volume, rooms);
    for (const auto& volume : found.volumes)
        if (volume.type == "container") take_in_container(volume, rooms);
}

} // namespace instance
