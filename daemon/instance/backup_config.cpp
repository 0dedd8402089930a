#include "daemon/instance/backup_config.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/volatile_keys.h"
#include "daemon/storage/listing.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace instance {

namespace {

constexpr const char* disk_map_key = "volatile.last_state.idmap";
constexpr const char* fresh_prefix = ".backup.yaml."; // of one that is being written

schema::Config shown(schema::Config config, bool ids_as_inside) {
    for (const auto* mark : {incomplete_key, frozen_source_key, renaming_key}) config.erase(mark);
    if (ids_as_inside && config.contains(disk_map_key)) config[disk_map_key] = "[]";
    return config;
}

schema::BackedUpSnapshot described(const state::SnapshotRow& row, const Record& parent, bool ids_as_inside,
                                   const Registry& instances) {
    schema::BackedUpSnapshot snapshot;
    auto as_instance = parent.row;
    as_instance.put = row.put;
    const auto expanded = instances.expand(as_instance);
    static_cast<schema::InstancePut&>(snapshot) = row.put;
    snapshot.config = shown(row.put.config, ids_as_inside);
    snapshot.name = row.name;
    snapshot.created_at = row.created_at;
    snapshot.last_used_at = row.last_used_at;
    snapshot.expires_at = row.expires_at;
    snapshot.expanded_config = shown(expanded.expanded_config, ids_as_inside);
    snapshot.expanded_devices = expanded.expanded_devices;
    return snapshot;
}

schema::StorageVolumeSnapshot volume_of(const state::SnapshotRow& row) {
    schema::StorageVolumeSnapshot volume;
    volume.name = row.name;
    volume.description = row.volume_description;
    volume.content_type = "filesystem";
    volume.expires_at = row.expires_at;
    volume.created_at = row.created_at;
    return volume;
}

} // namespace

schema::BackupConfig backup_config(const Instance& instance, bool with_snapshots, bool ids_as_inside,
                                   const BackupConfigRooms& rooms) {
    const auto record = instance.record();
    const auto& row = record->row;
    schema::BackupConfig config;
    auto& shown_instance = config.instance.emplace();
    static_cast<schema::InstancePut&>(shown_instance) = row.put;
    shown_instance.config = shown(row.put.config, ids_as_inside);
    shown_instance.name = row.name;
    shown_instance.created_at = row.created_at;
    shown_instance.last_used_at = row.last_used_at;
    shown_instance.expanded_config = shown(record->expanded_config, ids_as_inside);
    shown_instance.expanded_devices = record->expanded_devices;
    shown_instance.status = instance.live().status;
    if (with_snapshots) {
        for (const auto& snapshot : rooms.snapshots.list(row.name)) {
            if (snapshot.incomplete) continue;
            config.snapshots.push_back(described(snapshot, *record, ids_as_inside, rooms.instances));
            config.volume_snapshots.push_back(volume_of(snapshot));
        }
    }
    config.pool = rooms.pools.settings(row.pool);
    config.profiles = rooms.profiles.list();
    auto& volume = config.volume.emplace();
    volume.name = row.name;
    volume.type = "container";
    volume.created_at = row.created_at;
    return config;
}

void write_backup_file(const std::string& folder, const std::string& text) {
    // Never synced: what it says is in the database too, which is.
    const auto fresh = fmt::format("{}/{}{}", folder, fresh_prefix, base::random_hex(4));
    base::Rollback rollback;
    rollback.add([&] { ::unlink(fresh.c_str()); });
    base::write_file(fresh, text, 0400);
    if (::rename(fresh.c_str(), (folder + "/backup.yaml").c_str()) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed replacing backup.yaml in " + folder);
    rollback.dismiss();
}

bool lacks_backup_file(const std::string& folder) {
    if (!base::exists(folder + "/rootfs")) return false;
    const auto top = base::checked(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder);
    for (const auto& name : storage::sorted_names(top.get(), folder))
        if (name.starts_with(fresh_prefix)) ::unlinkat(top.get(), name.c_str(), 0);
    struct stat status{};
    return ::fstatat(top.get(), "backup.yaml", &status, AT_SYMLINK_NOFOLLOW) < 0 || status.st_size == 0;
}

std::optional<schema::BackupConfig> read_backup_file(const std::string& folder) {
    const auto top = base::checked(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder);
    base::Fd file;
    try {
        file = base::open_beneath(top.get(), "backup.yaml", O_RDONLY | O_NONBLOCK);
    } catch (const std::system_error& error) {
        if (error.code() == std::errc::no_such_file_or_directory) return {};
        throw schema::bad_request("backup.yaml in {} cannot be opened: {}", folder, error.code().message());
    }
    struct stat status{};
    if (::fstat(file.get(), &status) < 0 || !S_ISREG(status.st_mode))
        throw schema::bad_request("backup.yaml in {} is not a file", folder);
    return schema::backup_config_from_yaml(base::read_to_end(file.get(), schema::limits::backup_index.value));
}

} // namespace instance
