#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/backups.h"
#include "daemon/instance/restored.h"
#include "daemon/storage/archive.h"
#include "daemon/storage/archive_format.h"
#include "daemon/storage/squashfs.h"
#include "daemon/storage/tar_archives.h"
#include "schema/error.h"

namespace instance {

namespace {

const std::vector<std::string> members{"metadata.yaml", "rootfs", "state", "templates"};

/// Backups in a squashfs are read as the tar archive that was put into it, as LXD does.
void make_tar_of(const std::string& file) {
    if (base::find_program("sqfs2tar").empty())
        throw schema::failure("Backups in squashfs format need the program sqfs2tar, which is not installed");
    storage::check_squashfs(file);
    storage::check_squashfs_files(file, {});
    const auto tar = file + ".tar";
    const auto fd = base::checked(::open(tar.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), tar);
    auto process = base::Process::spawn({.argv = {"sqfs2tar", file}, .fds = {{fd.get(), 1}}});
    const auto exit = process.wait();
    if (!exit.ok() || ::rename(tar.c_str(), file.c_str()) < 0) {
        ::unlink(tar.c_str());
        throw schema::bad_request("Damaged archive: the squashfs cannot be read");
    }
}

void store(const std::string& file, const std::function<size_t(char*, size_t)>& read) {
    const auto fd = base::checked(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), file);
    std::vector<char> buffer(256U << 10U);
    while (const auto count = read(buffer.data(), buffer.size())) base::write_all(fd.get(), {buffer.data(), count});
}

schema::BackupIndex read_index(const std::string& file) {
    const auto text = storage::tar_member(file, "backup/index.yaml", {});
    if (!text) throw schema::bad_request("Backup is missing index.yaml");
    return schema::backup_index_from_yaml(*text);
}

} // namespace

BackupUpload::~BackupUpload() {
    if (!file.empty()) ::unlink(file.c_str());
}

std::shared_ptr<BackupUpload> Backups::receive(const std::function<size_t(char* buffer, size_t size)>& read,
                                               const std::string& name, const std::string& pool) const {
    auto upload = std::make_shared<BackupUpload>();
    upload->file = rooms_.paths.backups() + "/lxd_backup_" + base::random_hex(8);
    store(upload->file, read);
    if (storage::archive_format_of(upload->file) == storage::ArchiveFormat::squashfs) make_tar_of(upload->file);
    upload->index = read_index(upload->file);
    auto& index = upload->index;
    if (index.type != "container")
        throw schema::bad_request("The backup is not one of a container, but of the type {:?}", index.type);
    if (!name.empty()) index.name = name;
    index.pool = chosen_pool(index, pool);
    return upload;
}

std::string Backups::chosen_pool(const schema::BackupIndex& index, const std::string& wanted) const {
    const auto& name = wanted.empty() ? index.pool : wanted;
    try {
        return rooms_.pools.get(name).name;
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
    if (index.optimized)
        throw schema::failure("Backups in the format of the storage driver {:?} cannot be imported", index.backend);
    const auto config = config_of(upload, caller.cancel);
    const auto unpack = [&](const std::string& prefix, const std::string& folder) {
        storage::unpack_tar_part(upload.file, {prefix, members}, folder, caller.cancel, progress);
        storage::check_volume(folder);
    };
    std::vector<storage::VolumePart> parts;
    parts.reserve(index.snapshots.size() + 1);
    for (const auto& name : index.snapshots)
        parts.push_back({name, [&unpack, name](const auto& folder) { unpack("backup/snapshots/" + name, folder); }});
    parts.push_back({"", [&](const auto& folder) { unpack("backup/container", folder); }});

    auto creation = restored(config, index.name, index.pool, rooms_.profiles);
    const auto snapshots = restored_snapshots(config, index.name, index.pool, index.snapshots, rooms_.profiles);
    creation.fill = [&](const state::InstanceRow& row) {
        rooms_.pools.create_filled(row.pool, row.name, parts);
        base::Rollback rollback;
        rollback.add([&] { rooms_.pools.remove_container(row.pool, row.name); });
        state::Snapshots rows(rooms_.database);
        rooms_.database.transaction([&] {
            for (const auto& snapshot : snapshots) rows.insert(snapshot);
        });
        rollback.dismiss();
    };
    rooms_.lifecycle.create(creation, caller, {});
}

} // namespace instance
