#include <algorithm>

#include "daemon/storage/volumes.h"
#include "schema/error.h"
#include "schema/keys/volume.h"

namespace storage {

namespace {

constexpr auto missing = "Storage pool volume not found";

/// "VOLUME/SNAPSHOT" in two; the second is empty for a volume.
std::pair<std::string, std::string> parts_of(const std::string& name) {
    const auto slash = name.find('/');
    if (slash == std::string::npos) return {name, ""};
    return {name.substr(0, slash), name.substr(slash + 1)};
}

bool uses(const schema::Devices& devices, const std::string& pool, const std::string& volume) {
    return std::ranges::any_of(devices, [&](const auto& device) {
        return schema::get(device.second, "type") == "disk" && schema::get(device.second, "pool") == pool &&
               schema::get(device.second, "source") == volume;
    });
}

schema::StorageVolume volume_of(const std::string& type, const std::string& name, const std::string& user) {
    schema::StorageVolume volume;
    volume.type = type;
    volume.name = name;
    volume.used_by = {user};
    return volume;
}

} // namespace

void drop_marks(schema::Config& config) {
    for (const auto* key : {restoring_key, updating_key, used_key}) config.erase(key);
}

schema::StorageVolume custom_view(const state::VolumeRow& row) {
    schema::StorageVolume volume;
    static_cast<schema::StorageVolumePut&>(volume) = row;
    drop_marks(volume.config);
    volume.type = row.type;
    volume.name = row.name;
    volume.content_type = row.content_type;
    volume.created_at = row.created_at;
    return volume;
}

schema::StorageVolumeSnapshot snapshot_view(const state::VolumeSnapshotRow& row, const std::string& content_type) {
    schema::StorageVolumeSnapshot snapshot;
    snapshot.description = row.description;
    snapshot.name = row.name;
    snapshot.config = row.config;
    snapshot.content_type = content_type;
    snapshot.created_at = row.created_at;
    snapshot.expires_at = row.expires_at;
    return snapshot;
}

std::vector<schema::StorageVolume> Volumes::container_volumes(const std::string& pool) const {
    std::vector<schema::StorageVolume> volumes;
    for (const auto& row : stores_.instances.list()) {
        if (row.pool != pool) continue;
        const auto url = "/1.0/instances/" + row.name;
        auto& volume = volumes.emplace_back(volume_of("container", row.name, url));
        volume.created_at = row.created_at;
        for (const auto& snapshot : stores_.instance_snapshots.list(row.name)) {
            if (snapshot.incomplete) continue;
            auto& taken = volumes.emplace_back(
                volume_of("container", row.name + "/" + snapshot.name, url + "/snapshots/" + snapshot.name));
            taken.created_at = snapshot.created_at;
            taken.description = snapshot.volume_description;
        }
    }
    return volumes;
}

std::vector<schema::StorageVolume> Volumes::image_volumes(const std::string& pool) const {
    std::vector<schema::StorageVolume> volumes;
    for (const auto& fingerprint : stores_.images.unpacked_on(pool))
        volumes.push_back(volume_of("image", fingerprint, "/1.0/images/" + fingerprint));
    return volumes;
}

std::vector<schema::StorageVolume> Volumes::custom_volumes(const std::string& pool) const {
    std::vector<schema::StorageVolume> volumes;
    for (const auto& row : stores_.volumes.list(pool)) {
        if (row.type != "custom" || row.incomplete) continue;
        volumes.push_back(custom_view(row));
        volumes.back().used_by = used_by({pool, "custom", row.name});
        for (const auto& snapshot : stores_.volumes.snapshots(row.id)) {
            if (snapshot.incomplete) continue;
            auto taken = custom_view(row);
            static_cast<schema::StorageVolumePut&>(taken) = snapshot;
            taken.name = row.name + "/" + snapshot.name;
            taken.created_at = snapshot.created_at;
            volumes.push_back(std::move(taken));
        }
    }
    return volumes;
}

/// What users have noted of it.
void Volumes::describe(schema::StorageVolume& volume, const std::string& pool) const {
    const auto [name, snapshot] = parts_of(volume.name);
    const auto note = stores_.volumes.find(pool, volume.type, name);
    if (!note) return;
    volume.config = note->config;
    if (snapshot.empty()) volume.description = note->description;
}

std::vector<schema::StorageVolume> Volumes::list(const std::string& pool, const std::string& type) const {
    pools_.settings(pool);
    std::vector<schema::StorageVolume> volumes;
    const auto add = [&](std::vector<schema::StorageVolume> some) {
        for (auto& volume : some) {
            if (volume.type != "custom") describe(volume, pool);
            volumes.push_back(std::move(volume));
        }
    };
    if (type.empty() || type == "container") add(container_volumes(pool));
    if (type.empty() || type == "custom") add(custom_volumes(pool));
    if (type.empty() || type == "image") add(image_volumes(pool));
    std::ranges::stable_sort(volumes, {}, [](const auto& volume) { return std::tie(volume.type, volume.name); });
    return volumes;
}

schema::StorageVolume Volumes::get(const VolumeKey& key) const {
    for (auto& volume : list(key.pool, key.type))
        if (volume.name == key.name && volume.type == key.type) return std::move(volume);
    throw schema::not_found("{}", missing);
}

std::vector<std::string> Volumes::used_by(const VolumeKey& key) const {
    if (key.type != "custom") return get(key).used_by;
    if (daemon_uses({key.pool, key.name})) return {"/1.0"};
    std::vector<std::string> urls;
    for (const auto& row : stores_.instances.list())
        if (uses(row.put.devices, key.pool, key.name)) urls.push_back("/1.0/instances/" + row.name);
    for (const auto& profile : stores_.profiles.list())
        if (uses(profile.devices, key.pool, key.name)) urls.push_back("/1.0/profiles/" + profile.name);
    return urls;
}

std::optional<int64_t> Volumes::usage(const VolumeKey& key) const {
    get(key);
    const auto [name, snapshot] = parts_of(key.name);
    return driver(key.pool)->usage(key.type == "custom" ? custom_volume(name, snapshot)
                                                        : VolumeId{VolumeType::container, name, snapshot});
}

void check_volume_snapshot_name(const std::string& name) {
    if (name.find('/') != std::string::npos) throw schema::bad_request("Storage name cannot contain \"/\"");
    if (name.find_first_of(" \t\n\v\f\r") != std::string::npos)
        throw schema::bad_request("Storage name cannot contain white space");
    // LXD lets these through and then writes outside of its folder; with a dot begin names of the daemon's own.
    if (name.starts_with('.') || name.find('\0') != std::string::npos)
        throw schema::bad_request("Invalid snapshot name {:?}", name);
}

std::vector<state::VolumeSnapshotRow> Volumes::snapshot_rows(const VolumePlace& volume) const {
    auto rows = stores_.volumes.snapshots(row(volume).id);
    std::erase_if(rows, [](const auto& snapshot) { return snapshot.incomplete; });
    return rows;
}

std::vector<schema::StorageVolumeSnapshot> Volumes::snapshots(const VolumeKey& key) const {
    std::vector<schema::StorageVolumeSnapshot> snapshots;
    if (key.type == "custom") {
        if (!stores_.volumes.find(key.pool, key.type, key.name)) return {};
        const auto content_type = row({key.pool, key.name}).content_type;
        for (const auto& taken : snapshot_rows({key.pool, key.name}))
            snapshots.push_back(snapshot_view(taken, content_type));
        return snapshots;
    }
    for (const auto& volume : list(key.pool, key.type)) {
        const auto [name, snapshot] = parts_of(volume.name);
        if (name != key.name || snapshot.empty()) continue;
        auto& taken = snapshots.emplace_back();
        taken.name = snapshot;
        taken.description = volume.description;
        taken.config = volume.config;
        taken.content_type = volume.content_type;
        taken.created_at = volume.created_at;
        taken.expires_at = schema::Time{};
    }
    return snapshots;
}

schema::StorageVolumeSnapshot Volumes::snapshot(const VolumeKey& key, const std::string& name) const {
    pools_.settings(key.pool);
    for (auto& snapshot : snapshots(key))
        if (snapshot.name == name) return std::move(snapshot);
    throw schema::not_found("{}", missing);
}

} // namespace storage
