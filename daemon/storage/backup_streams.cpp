#include "daemon/storage/backup_streams.h"

#include <chrono>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/fd.h"
#include "daemon/storage/stream_volume.h"
#include "daemon/storage/tar_archives.h"
#include "schema/error.h"

namespace storage {

namespace {

constexpr auto top = "backup/";
constexpr auto header_name = "backup/optimized_header.yaml";

/// One without a name, which goes with the last who has it open.
base::Fd nameless_file(const std::string& folder) {
    const auto path = folder + "/lxd_backup_" + base::random_hex(8);
    auto file = base::checked(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), path);
    ::unlink(path.c_str());
    return file;
}

int64_t seconds_now() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

} // namespace

void add_streams(TarWriter& writer, Driver& driver, const VolumeId& volume, const std::vector<std::string>& snapshots,
                 const std::string& folder, const base::CancelToken& cancel) {
    OwnFormat::Target target;
    target.header = [&](const std::string& text) { writer.add_file(header_name, text, seconds_now()); };
    target.file = [&](const std::string& name, const auto& write) {
        const auto file = nameless_file(folder);
        write(file.get());
        writer.add_open_file(top + name, file.get());
    };
    driver.own_format()->save(volume, snapshots, target, cancel);
}

void load_streams(Driver& driver, const VolumeId& volume, const BackupUpload& upload,
                  const std::function<void(const std::string& folder)>& accept, const base::CancelToken& cancel) {
    OwnFormat::Source source;
    if (upload.index.optimized_header) {
        source.header = tar_member(upload.file, header_name, cancel);
        if (!source.header) throw schema::bad_request("Optimized backup header file not found");
    }
    source.file = [&](const std::string& name, const auto& read) {
        through_pipe([&](int end) { tar_content(upload.file, top + name, end, cancel); }, read);
    };
    source.accept = accept;
    driver.own_format()->load(volume, upload.index.snapshots, source, cancel);
}

} // namespace storage
