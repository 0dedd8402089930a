#include "daemon/storage/volume_backups.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"
#include "daemon/storage/backup_streams.h"
#include "daemon/storage/block_content.h"
#include "daemon/storage/file_blocks.h"
#include "daemon/storage/stream_volume.h"
#include "daemon/storage/tar_archives.h"
#include "schema/error.h"
#include "schema/id_map.h"

namespace storage {

namespace {

constexpr auto volume_prefix = "backup/volume";
constexpr auto snapshots_prefix = "backup/volume-snapshots";
constexpr auto block_suffix = ".img";
constexpr auto owners_key = "volatile.idmap.last";

bool is_block(const std::string& content_type) {
    return content_type == "block";
}

void check_blocks(Driver& driver, const std::string& content_type) {
    if (is_block(content_type) && driver.blocks() == nullptr)
        throw schema::failure("Storage pool does not support custom volumes of type block");
}

schema::BackupIndex index_of(const state::VolumeRow& row, const std::vector<state::VolumeSnapshotRow>& snapshots,
                             std::string_view driver) {
    schema::BackupIndex index;
    index.name = row.name;
    index.backend = driver;
    index.pool = row.pool;
    index.type = "custom";
    auto& config = index.config.emplace();
    config.volume = custom_view(row);
    for (const auto& snapshot : snapshots) {
        index.snapshots.push_back(snapshot.name);
        config.volume_snapshots.push_back(snapshot_view(snapshot, row.content_type));
    }
    return index;
}

void add_part(TarWriter& writer, const std::string& prefix, Driver& driver, const VolumeId& volume, bool block) {
    if (block) {
        const auto device = driver.blocks()->device(volume);
        return writer.add_open_file(prefix + block_suffix, open_blocks(*device).get());
    }
    const auto folder = driver.view(volume);
    const auto top = base::checked(::open(folder->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), *folder);
    writer.add_tree({.name = prefix, .folder = top.get()});
}

/// Makes a volume or a snapshot of what is called `prefix` in the archive.
void make_part(Driver& driver, const VolumeId& volume, const std::string& file, const std::string& prefix, bool block,
               const base::CancelToken& cancel) {
    if (!block)
        return driver.create(
            volume, [&](const std::string& folder) { unpack_tar_part(file, {prefix, {}}, folder, cancel, {}); });
    through_pipe([&](int to) { tar_blocks(file, prefix + block_suffix, to, cancel); },
                 [&](int from) {
                     const auto size = received_size(from);
                     driver.blocks()->create_block(
                         volume, size, [&](const std::string& device) { receive_blocks(from, size, device, cancel); });
                 });
}

/// Makes a file that came from elsewhere one that a driver takes for a block volume's content.
void accept_block(const std::string& file) {
    struct stat status{};
    if (::lstat(file.c_str(), &status) < 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1)
        throw schema::bad_request("The backup has no content of the block volume");
    if (::chown(file.c_str(), 0, 0) < 0 || ::chmod(file.c_str(), 0600) < 0) base::fail("Failed making " + file);
}

/// Looks at what came as a stream.
std::function<void(const std::string& folder)> accepting(bool block) {
    return [block](const std::string& folder) {
        if (block) accept_block(FileBlocks::file_in(folder));
    };
}

const schema::StorageVolumeSnapshot& described(const schema::BackupConfig& config, const std::string& name) {
    const auto found = std::ranges::find(config.volume_snapshots, name, &schema::StorageVolumeSnapshot::name);
    if (found == config.volume_snapshots.end())
        throw schema::failure("Valid volume snapshot config not found in index");
    return *found;
}

/// Throws where the owners of files are not told in a way that can be understood.
schema::Config checked(schema::Config config) {
    schema::id_map_from(schema::get(config, owners_key));
    config.erase("volatile.idmap.next"); // of instances that are not here
    return config;
}

state::VolumeRow restored(const schema::BackupIndex& index, const schema::StorageVolume& volume) {
    state::VolumeRow row;
    row.pool = index.pool;
    row.name = index.name;
    row.description = volume.description;
    row.config = checked(volume.config);
    row.content_type = volume.content_type.empty() ? "filesystem" : volume.content_type;
    if (row.content_type != "filesystem" && !is_block(row.content_type))
        throw schema::failure("Invalid volume content type name");
    return row;
}

state::VolumeSnapshotRow restored_snapshot(const schema::StorageVolumeSnapshot& snapshot) {
    check_volume_snapshot_name(snapshot.name);
    state::VolumeSnapshotRow row;
    row.name = snapshot.name;
    row.description = snapshot.description;
    row.config = checked(snapshot.config);
    row.expires_at = snapshot.expires_at.value_or(schema::Time{});
    // LXD does not say when it was taken.
    row.created_at = snapshot.created_at == schema::Time{} ? std::chrono::system_clock::now() : snapshot.created_at;
    return row;
}

} // namespace

void VolumeBackups::create(const VolumePlace& volume, schema::BackupsPost post, const base::CancelToken& cancel,
                           const std::function<void(uint64_t bytes)>& progress) {
    if (rooms_.pools.driver(volume.pool)->own_format() == nullptr) post.optimized_storage = false;
    kept_.create(owner(volume), post, cancel,
                 [&](int file) { write({file, post.compression_algorithm, cancel, progress}, volume, post); });
}

void VolumeBackups::write(const BackupWriting& writing, const VolumePlace& volume, const schema::BackupsPost& post) {
    const auto driver = rooms_.pools.driver(volume.pool);
    rooms_.volumes.read(volume, writing.cancel, [&](const auto& row, auto snapshots) {
        check_blocks(*driver, row.content_type);
        if (post.without_snapshots) snapshots.clear();
        const bool block = is_block(row.content_type);
        auto index = index_of(row, snapshots, driver->name());
        index.optimized = post.optimized_storage;
        index.optimized_header = index.optimized && driver->own_format()->has_header();
        write_backup(writing, index, [&](auto& writer) {
            if (index.optimized)
                return add_streams(writer, *driver, custom_volume(row.name), index.snapshots, rooms_.folder.path(),
                                   writing.cancel);
            for (const auto& snapshot : snapshots)
                add_part(writer, fmt::format("{}/{}", snapshots_prefix, snapshot.name), *driver,
                         custom_volume(row.name, snapshot.name), block);
            add_part(writer, volume_prefix, *driver, custom_volume(row.name), block);
        });
        if (schema::get(rooms_.volumes.row(volume).config, owners_key) != schema::get(row.config, owners_key))
            throw schema::failure("The owners of the volume's files were changed for an instance meanwhile");
    });
}

std::shared_ptr<BackupUpload> VolumeBackups::receive(const std::function<size_t(char* buffer, size_t size)>& read,
                                                     const std::string& name, const std::string& pool) const {
    auto upload = receive_backup(rooms_.folder, read, "custom");
    auto& index = upload->index;
    if (!name.empty()) index.name = name;
    index.pool = pool;
    try {
        rooms_.pools.settings(pool);
    } catch (const schema::Error& error) {
        if (error.kind() != schema::ErrorKind::not_found) throw;
        throw schema::failure("Storage pool not found: {}", error.what());
    }
    return upload;
}

void VolumeBackups::restore(const BackupUpload& upload, const base::CancelToken& cancel) {
    const auto& index = upload.index;
    const auto driver = rooms_.pools.driver(index.pool);
    check_can_restore(*driver, index);
    if (!index.config || !index.config->volume) throw schema::failure("Valid volume config not found in index");
    if (index.config->volume_snapshots.size() != index.snapshots.size())
        throw schema::failure("Valid volume snapshot config not found in index");
    const auto row = restored(index, *index.config->volume);
    check_blocks(*driver, row.content_type);
    const bool block = is_block(row.content_type);
    std::vector<state::VolumeSnapshotRow> snapshots;
    snapshots.reserve(index.snapshots.size());
    for (const auto& name : index.snapshots) snapshots.push_back(restored_snapshot(described(*index.config, name)));
    rooms_.volumes.create_by(
        row, snapshots,
        [&](Driver& to, const VolumeId& volume) {
            if (index.optimized) return load_streams(to, volume, upload, accepting(block), cancel);
            for (const auto& name : index.snapshots)
                make_part(to, custom_volume(row.name, name), upload.file, fmt::format("{}/{}", snapshots_prefix, name),
                          block, cancel);
            make_part(to, volume, upload.file, volume_prefix, block, cancel);
        },
        cancel);
}

} // namespace storage
