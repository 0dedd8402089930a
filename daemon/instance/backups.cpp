#include "daemon/instance/backups.h"

#include <chrono>
#include <fcntl.h>

#include "daemon/base/fd.h"
#include "daemon/instance/backup_config.h"
#include "daemon/storage/backup_streams.h"
#include "schema/error.h"
#include "schema/id_map.h"

namespace instance {

namespace {

/// What an instance's volume holds that is the instance's.
const std::vector<std::string> members{"metadata.yaml", "rootfs", "state", "templates"};

int64_t seconds_now() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

void add_volume(storage::TarWriter& writer, const std::string& prefix, const std::string& folder,
                const schema::Config& config) {
    const auto top = base::checked(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder);
    storage::IdShift to_inside;
    to_inside.from = schema::id_map_from(schema::get(config, "volatile.last_state.idmap"));
    writer.add_tree({.name = prefix, .folder = top.get(), .itself = false, .shift = to_inside, .only = members});
}

} // namespace

void Backups::create(const std::string& instance, schema::BackupsPost post, const base::CancelToken& cancel,
                     const std::function<void(uint64_t bytes)>& progress) {
    const auto pool = rooms_.instances.get(instance)->record()->row.pool;
    if (rooms_.pools.driver(pool)->own_format() == nullptr) post.optimized_storage = false;
    kept_.create(instance, post, cancel, [&](int file) { write(file, instance, post, cancel, progress); });
}

void Backups::write(int file, const std::string& name, const schema::BackupsPost& post, const base::CancelToken& cancel,
                    const std::function<void(uint64_t)>& progress) const {
    const auto instance = rooms_.instances.get(name);
    const auto record = instance->record();
    const state::Snapshots snapshots(rooms_.database);
    const bool with_snapshots = !post.without_snapshots;
    const BackupConfigRooms rooms{rooms_.instances, rooms_.profiles, snapshots, rooms_.pools};
    schema::BackupIndex index;
    index.name = name;
    index.pool = record->row.pool;
    index.backend = rooms_.pools.settings(index.pool).driver;
    const auto on_disk = backup_config(*instance, with_snapshots, false, rooms);
    const auto as_inside = backup_config(*instance, with_snapshots, true, rooms);
    // Streams have the owners that are on disk.
    index.config = post.optimized_storage ? on_disk : as_inside;
    for (const auto& snapshot : as_inside.snapshots) index.snapshots.push_back(snapshot.name);
    index.optimized = post.optimized_storage;
    index.optimized_header = index.optimized && rooms_.pools.driver(index.pool)->own_format()->has_header();

    storage::write_backup({file, post.compression_algorithm, cancel, progress}, index, [&](auto& writer) {
        if (index.optimized) return write_streams(writer, *instance, on_disk, cancel);
        for (const auto& snapshot : on_disk.snapshots) {
            const auto prefix = "backup/snapshots/" + snapshot.name;
            rooms_.pools.read_container(record->row.pool, name, snapshot.name, cancel, [&](const auto& folder) {
                writer.add_folder(prefix, 0100);
                add_volume(writer, prefix, folder, snapshot.config);
            });
        }
        rooms_.pools.read_container(record->row.pool, name, "", cancel, [&](const auto& folder) {
            writer.add_folder("backup/container", 0100);
            writer.add_file("backup/container/backup.yaml", schema::backup_yaml(as_inside), seconds_now(), 0400);
            add_volume(writer, "backup/container", folder, record->row.put.config);
        });
    });
}

void Backups::write_streams(storage::TarWriter& writer, const Instance& instance, const schema::BackupConfig& config,
                            const base::CancelToken& cancel) const {
    const auto before = instance.record();
    const auto& row = before->row;
    std::vector<std::string> snapshots;
    snapshots.reserve(config.snapshots.size());
    for (const auto& snapshot : config.snapshots) snapshots.push_back(snapshot.name);
    rooms_.pools.save_container(row.pool, row.name, snapshots, cancel, [&](auto& driver, const auto& volume) {
        storage::add_streams(writer, driver, volume, snapshots, rooms_.folder.path(), cancel);
    });
    const auto owners = [](const auto& record) {
        return schema::get(record->row.put.config, "volatile.last_state.idmap");
    };
    if (owners(instance.record()) != owners(before))
        throw schema::failure("The owners of the instance's files were changed meanwhile");
}

} // namespace instance
