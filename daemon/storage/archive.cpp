#include "daemon/storage/archive.h"

#include <cerrno>
#include <sys/stat.h>
#include <system_error>

#include "daemon/storage/archive_format.h"
#include "daemon/storage/squashfs.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace storage {

namespace {

constexpr size_t metadata_limit = schema::limits::image_metadata.value;

ArchiveContents inspect_squashfs(const std::string& file, const base::CancelToken& cancel) {
    ArchiveContents contents;
    contents.metadata = squashfs_member(file, "metadata.yaml", cancel);
    check_squashfs_files(file, cancel);
    if (contents.metadata && contents.metadata->size() > metadata_limit)
        throw schema::bad_request("The image's metadata.yaml is larger than 1 MiB");
    contents.has_root = contents.metadata && squashfs_has_folder(file, "rootfs", cancel);
    return contents;
}

/// Nothing, where there is nothing of that name; links are not followed.
std::optional<mode_t> kind_of(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0) return status.st_mode & S_IFMT;
    if (errno == ENOENT) return {};
    throw std::system_error(errno, std::generic_category(), "Failed looking at " + path);
}

/// The daemon itself will read these later, with the host's eyes: a link among them could point anywhere.
void check_parts(const std::string& folder, bool with_root, const char* what = "image") {
    struct Part {
        const char* name;
        mode_t kind;
    };
    for (const auto& [name, kind] :
         {Part{"metadata.yaml", S_IFREG}, Part{"templates", S_IFDIR}, Part{"rootfs", S_IFDIR}}) {
        const auto found = kind_of(folder + "/" + name);
        if (found && *found != kind)
            throw schema::bad_request("The {}'s {} is not a {}", what, name, kind == S_IFREG ? "file" : "folder");
    }
    if (with_root && !kind_of(folder + "/rootfs"))
        throw schema::bad_request("{} is missing a rootfs: {}", what[0] == 'i' ? "Image" : "Backup", folder);
}

} // namespace

void check_volume(const std::string& folder) {
    check_parts(folder, true, "backup");
}

ArchiveContents inspect_archive(const std::string& file, const base::CancelToken& cancel) {
    return archive_format_of(file) == ArchiveFormat::squashfs ? inspect_squashfs(file, cancel)
                                                              : inspect_tar(file, cancel);
}

void unpack_archive(const std::string& file, const std::string& folder, const base::CancelToken& cancel,
                    const std::function<void(int percent)>& progress) {
    if (archive_format_of(file) == ArchiveFormat::squashfs)
        unpack_squashfs(file, folder, cancel);
    else
        unpack_tar(file, folder, cancel, progress);
}

void unpack_image(const std::string& file, const std::optional<std::string>& root_file, const std::string& folder,
                  const base::CancelToken& cancel, const std::function<void(int percent)>& progress) {
    unpack_archive(file, folder, cancel, root_file ? nullptr : progress);
    check_parts(folder, !root_file);
    if (!root_file) return;
    const auto root = folder + "/rootfs";
    if (::mkdir(root.c_str(), 0755) < 0 && errno != EEXIST)
        throw std::system_error(errno, std::generic_category(), "Error creating rootfs directory");
    unpack_archive(*root_file, root, cancel, progress);
    check_parts(folder, true);
}

} // namespace storage
