#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/backups.h"
#include "daemon/instance/restored.h"
#include "daemon/storage/archive.h"
#include "daemon/storage/backup_streams.h"
#include "daemon/storage/tar_archives.h"
#include "schema/error.h"

namespace instance {

namespace {

const std::vector<std::string> members{"metadata.yaml", "rootfs", "state", "templates"};

/// Of a volume that came as a stream: what the daemon keeps beside the instance's own, such as notes of what it was
/// about to do, is another daemon's.
void keep_own(const std::string& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const auto name = entry.path().filename().string();
        const auto status = entry.symlink_status();
        const bool described = name == "backup.yaml" && std::filesystem::is_regular_file(status);
        if (!described && std::ranges::find(members, name) == members.end()) base::remove_tree(entry.path().string());
    }
    storage::check_volume(folder);
}

} // namespace

std::shared_ptr<BackupUpload> Backups::receive(const std::function<size_t(char* buffer, size_t size)>& read,
                                               const std::string& name, const std::string& pool) const {
    auto upload = storage::receive_backup(rooms_.folder, read, "container");
    if (!name.empty()) upload->index.name = name;
    upload->index.pool = chosen_pool(upload->index, pool);
    return upload;
}

std::string Backups::chosen_pool(const schema::BackupIndex& index, const std::string& wanted) const {
    const auto& name = wanted.empty() ? index.pool : wanted;
    try {
        return rooms_.pools.settings(name).name;
    } catch (const schema::Error& error) {
        if (error.kind() != schema::ErrorKind::not_found) throw;
        if (index.optimized || !wanted.empty()) throw schema::failure("Storage pool not found: {}", error.what());
    }
    const auto standard = rooms_.profiles.find("default");
    if (!standard) throw schema::failure("Failed to get default profile: Profile not found");
    const auto root = devices::root_disk(standard->devices);
    if (root.empty()) throw schema::failure("Failed to get root disk device: No root device could be found");
    return schema::get(standard->devices.at(root), "pool");
}

schema::BackupConfig Backups::config_of(const BackupUpload& upload, const base::CancelToken& cancel) const {
    if (upload.index.config && upload.index.config->instance) return *upload.index.config;
    const auto text = storage::tar_member(upload.file, "backup/container/backup.yaml", cancel);
    if (!text) throw schema::bad_request("Backup is missing backup.yaml");
    auto config = schema::backup_config_from_yaml(*text);
    if (!config.instance) throw schema::bad_request("No instance config in backup config");
    return config;
}

void Backups::restore(const BackupUpload& upload, const Caller& caller, const storage::Progress& progress) {
    const auto& index = upload.index;
    storage::check_can_restore(*rooms_.pools.driver(index.pool), index);
    const auto config = config_of(upload, caller.cancel);
    const auto unpacking = [&](const std::string& prefix) {
        return [&, prefix](const std::string& folder, const std::string& alike) {
            storage::unpack_tar_part(upload.file, {prefix, members, alike}, folder, caller.cancel, progress);
            storage::check_volume(folder);
        };
    };
    std::vector<storage::VolumePart> parts;
    parts.reserve(index.snapshots.size() + 1);
    for (const auto& name : index.snapshots) parts.push_back({name, unpacking("backup/snapshots/" + name)});
    parts.push_back({"", unpacking("backup/container")});

    auto creation = restored(config, index.name, index.pool, rooms_.profiles);
    const auto snapshots = restored_snapshots(config, index.name, index.pool, index.snapshots, rooms_.profiles);
    creation.fill = [&](const state::InstanceRow& row) {
        if (index.optimized)
            rooms_.pools.create_by(row.pool, row.name, [&](auto& driver, const auto& volume) {
                storage::load_streams(driver, volume, upload, keep_own, caller.cancel);
            });
        else
            rooms_.pools.create_filled(row.pool, row.name, schema::get(row.put.config, "volatile.base_image"), parts,
                                       caller.cancel);
        base::Rollback rollback;
        rollback.add([&] { rooms_.pools.remove_container(row.pool, row.name); });
        state::Snapshots rows(rooms_.database);
        rooms_.database.transaction([&] {
            for (const auto& snapshot : snapshots) rows.insert(snapshot);
        });
        rollback.dismiss();
    };
    creation.filled_snapshots = index.snapshots;
    rooms_.lifecycle.create(creation, caller, {});
}

} // namespace instance
