#include "daemon/storage/backup_archive.h"

#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <vector>

#include "daemon/base/crypto.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "daemon/storage/archive_format.h"
#include "daemon/storage/compression.h"
#include "daemon/storage/squashfs.h"
#include "daemon/storage/tar_archives.h"
#include "schema/error.h"

namespace storage {

namespace {

/// Backups in a squashfs are read as the tar archive that was put into it, as LXD does.
void make_tar_of(const std::string& file) {
    if (base::find_program("sqfs2tar").empty())
        throw schema::failure("Backups in squashfs format need the program sqfs2tar, which is not installed");
    check_squashfs(file);
    check_squashfs_files(file, {});
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
    const auto text = tar_member(file, "backup/index.yaml", {});
    if (!text) throw schema::bad_request("Backup is missing index.yaml");
    return schema::backup_index_from_yaml(*text);
}

} // namespace

void write_backup(const BackupWriting& writing, const schema::BackupIndex& index,
                  const std::function<void(TarWriter& writer)>& add) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    compress(writing.compression, writing.file, writing.cancel, [&](const ByteSink& sink) {
        uint64_t done = 0;
        const auto counted = [&](std::string_view bytes) {
            sink(bytes);
            writing.progress(done += bytes.size());
        };
        TarWriter writer(counted, writing.cancel, keeps_holes(writing.compression));
        writer.add_file("backup/index.yaml", schema::index_yaml(index),
                        std::chrono::duration_cast<std::chrono::seconds>(now).count());
        add(writer);
        writer.finish();
    });
}

BackupUpload::~BackupUpload() {
    if (!file.empty()) ::unlink(file.c_str());
}

std::shared_ptr<BackupUpload> receive_backup(DaemonFolder& folder,
                                             const std::function<size_t(char* buffer, size_t size)>& read,
                                             const std::string& type) {
    auto upload = std::make_shared<BackupUpload>();
    upload->staying = folder.writing();
    upload->file = folder.path() + "/lxd_backup_" + base::random_hex(8);
    store(upload->file, read);
    if (archive_format_of(upload->file) == ArchiveFormat::squashfs) make_tar_of(upload->file);
    upload->index = read_index(upload->file);
    if (upload->index.type != type)
        throw schema::bad_request("The backup is not one of a {}, but of the type {:?}",
                                  type == "custom" ? "custom volume" : "container", upload->index.type);
    return upload;
}

void check_can_restore(Driver& driver, const schema::BackupIndex& index) {
    if (index.optimized && index.backend != driver.name())
        throw schema::failure("Optimized backup storage driver {:?} differs from the target storage pool driver {:?}",
                              index.backend, driver.name());
    if (index.optimized && driver.own_format() == nullptr)
        throw schema::failure("Storage pools of the driver {:?} have no format of their own for backups",
                              driver.name());
}

void remove_backup_uploads(const std::string& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.is_regular_file()) base::remove_tree(entry.path().string());
}

} // namespace storage
