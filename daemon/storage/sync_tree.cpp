#include "daemon/storage/sync_tree.h"

#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <vector>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"

namespace storage {

namespace {

constexpr size_t few = 64;

base::Fd open_readable(const std::string& path) {
    return base::checked(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), path);
}

/// Regular files and folders, as long as they are few; nothing where they are not.
std::vector<base::Fd> few_files(const std::string& folder) {
    std::vector<base::Fd> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        const auto type = entry.symlink_status().type();
        if (type != std::filesystem::file_type::regular && type != std::filesystem::file_type::directory) continue;
        if (files.size() == few) return {};
        files.push_back(open_readable(entry.path()));
    }
    return files;
}

void sync(const base::Fd& file, const std::string& shown) {
    if (::fsync(file.get()) < 0) base::fail("Failed syncing " + shown);
}

} // namespace

void sync_filesystem(int fd) {
    if (::syncfs(fd) < 0) base::fail("Failed syncing a filesystem");
}

void sync_tree(const std::string& folder) {
    const auto top = open_readable(folder);
    const auto files = few_files(folder);
    if (files.empty()) return sync_filesystem(top.get());
    // Begun together, they need one commit of a journal and not one each.
    for (const auto& file : files) ::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    for (const auto& file : files) sync(file, folder);
    sync(top, folder);
}

} // namespace storage
