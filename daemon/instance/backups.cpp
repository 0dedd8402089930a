#include "daemon/instance/backups.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <set>
#include <system_error>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/backup_config.h"
#include "daemon/storage/compression.h"
#include "daemon/storage/tar_writer.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

/// What an instance's volume holds that is the instance's.
const std::vector<std::string> members{"metadata.yaml", "rootfs", "state", "templates"};

schema::Time now() {
    return std::chrono::system_clock::now();
}

int64_t seconds(schema::Time time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

void add_volume(storage::TarWriter& writer, const std::string& prefix, const std::string& folder,
                const schema::Config& config) {
    const auto top = base::checked(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder);
    storage::IdShift to_inside;
    to_inside.from = schema::id_map_from(schema::get(config, "volatile.last_state.idmap"));
    writer.add_tree({.name = prefix, .folder = top.get(), .itself = false, .shift = to_inside, .only = members});
}

bool is_over(const state::BackupRow& row, schema::Time now) {
    return row.expires_at != schema::Time{} && row.expires_at <= now;
}

void remove_file(const std::string& path) {
    if (::unlink(path.c_str()) < 0 && errno != ENOENT)
        throw std::system_error(errno, std::generic_category(), "Failed removing the backup " + path);
}

} // namespace

void Backups::clean_up() const {
    std::set<std::string> known;
    for (const auto& row : rows_.list()) known.insert(std::to_string(row.id));
    for (const auto& entry : std::filesystem::directory_iterator(folder()))
        if (!known.contains(entry.path().filename().string())) base::remove_tree(entry.path().string());
    for (const auto& entry : std::filesystem::directory_iterator(rooms_.paths.backups()))
        if (entry.is_regular_file()) base::remove_tree(entry.path().string());
}

state::BackupRow Backups::get(const std::string& instance, const std::string& name) const {
    rooms_.instances.get(instance);
    auto row = rows_.find(instance, name);
    if (!row) throw schema::not_found("Instance backup not found");
    return *std::move(row);
}

std::string Backups::free_name(const std::string& instance) const {
    int64_t next = 0;
    constexpr std::string_view base = "backup";
    for (const auto& row : rows_.list(instance)) {
        if (!row.name.starts_with(base)) continue;
        const auto number = schema::parse_integer(std::string_view(row.name).substr(base.size()));
        if (number && *number >= next) next = *number + 1;
    }
    return fmt::format("{}{}", base, next);
}

void Backups::create(const std::string& instance, const schema::InstanceBackupsPost& post,
                     const base::CancelToken& cancel, const std::function<void(uint64_t bytes)>& progress) {
    const auto full_name = instance + "/" + post.name;
    const auto hold = making_.exclusive(full_name, cancel);
    if (rows_.find(instance, post.name)) throw schema::failure("Backup {:?} already exists", full_name);
    const auto fresh = folder() + "/." + base::random_hex(8);
    const auto fd = base::checked(::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
                                  "Error opening backup tarball for writing " + fresh);
    base::Rollback rollback;
    rollback.add([&] { remove_file(fresh); });
    write(fd.get(), instance, post, cancel, progress);
    if (::fdatasync(fd.get()) < 0) throw std::system_error(errno, std::generic_category(), "Failed syncing " + fresh);

    state::BackupRow row;
    static_cast<schema::InstanceBackup&>(row) = post;
    row.instance = instance;
    row.created_at = now();
    rows_.insert(row, [&](int64_t id) {
        row.id = id;
        if (::rename(fresh.c_str(), file(row).c_str()) < 0)
            throw std::system_error(errno, std::generic_category(), "Failed keeping the backup " + fresh);
    });
    rollback.dismiss();
}

void Backups::write(int file, const std::string& name, const schema::InstanceBackupsPost& post,
                    const base::CancelToken& cancel, const std::function<void(uint64_t)>& progress) const {
    const auto instance = rooms_.instances.get(name);
    const auto record = instance->record();
    const state::Snapshots snapshots(rooms_.database);
    const bool with_snapshots = !post.instance_only;
    const BackupConfigRooms rooms{rooms_.instances, rooms_.profiles, snapshots, rooms_.pools};
    schema::BackupIndex index;
    index.name = name;
    index.pool = record->row.pool;
    index.backend = rooms_.pools.get(index.pool).driver;
    const auto as_inside = backup_config(*instance, with_snapshots, true, rooms);
    index.config = as_inside;
    for (const auto& snapshot : as_inside.snapshots) index.snapshots.push_back(snapshot.name);
    const auto on_disk = backup_config(*instance, with_snapshots, false, rooms);

    storage::compress(post.compression_algorithm, file, cancel, [&](const storage::ByteSink& sink) {
        uint64_t done = 0;
        const auto counted = [&](std::string_view bytes) {
            sink(bytes);
            progress(done += bytes.size());
        };
        storage::TarWriter writer(counted, cancel, storage::keeps_holes(post.compression_algorithm));
        writer.add_file("backup/index.yaml", schema::index_yaml(index), seconds(now()));
        for (const auto& snapshot : on_disk.snapshots) {
            const auto prefix = "backup/snapshots/" + snapshot.name;
            rooms_.pools.read_container(record->row.pool, name, snapshot.name, cancel, [&](const auto& folder) {
                writer.add_folder(prefix, 0100);
                add_volume(writer, prefix, folder, snapshot.config);
            });
        }
        rooms_.pools.read_container(record->row.pool, name, "", cancel, [&](const auto& folder) {
            writer.add_folder("backup/container", 0100);
            writer.add_file("backup/container/backup.yaml", schema::backup_yaml(as_inside), seconds(now()), 0400);
            add_volume(writer, "backup/container", folder, record->row.put.config);
        });
        writer.finish();
    });
}

void Backups::rename(const std::string& instance, const std::string& name, const std::string& new_name) {
    rows_.rename(get(instance, name).id, new_name);
}

void Backups::remove(const std::string& instance, const std::string& name) {
    const auto row = get(instance, name);
    // The row goes first: a restart removes a file that has none.
    rows_.remove(row.id);
    remove_file(file(row));
}

bool Backups::has_expired(schema::Time now) const {
    const auto rows = rows_.list();
    return std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return is_over(row, now); });
}

std::vector<std::string> Backups::remove_expired(schema::Time now) {
    std::vector<std::string> removed;
    for (const auto& row : rows_.list()) {
        if (!is_over(row, now)) continue;
        rows_.remove(row.id);
        remove_file(file(row));
        removed.push_back(row.instance + "/" + row.name);
    }
    return removed;
}

} // namespace instance
