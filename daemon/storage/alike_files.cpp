#include "daemon/storage/alike_files.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/storage/write_at.h"
#include "schema/error.h"

namespace storage {

void BegunFile::write(const TarReader::Block& block) {
    if (block.offset < end_) throw schema::bad_request("Damaged archive: the pieces of a file are out of order");
    clear_to(block.offset);
    if (!holds(block) && !write_at(file_, {block.data, block.size}, block.offset)) base::fail("Failed writing");
    end_ = block.offset + static_cast<int64_t>(block.size);
}

void BegunFile::finish(int64_t size) {
    clear_to(size);
    if (!original_ && end_ < size && ::ftruncate(file_, size) < 0) base::fail("Failed writing");
}

void BegunFile::clear_to(int64_t offset) {
    constexpr int hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (original_ && offset > end_ && ::fallocate(file_, hole, end_, offset - end_) < 0) base::fail("Failed writing");
}

bool BegunFile::holds(const TarReader::Block& block) {
    if (!original_) return false;
    std::array<char, 64 << 10> buffer;
    size_t done = 0;
    while (done < block.size) {
        const auto wanted = std::min(buffer.size(), block.size - done);
        const auto count = ::pread(original_.get(), buffer.data(), wanted, block.offset + static_cast<off_t>(done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0 || std::memcmp(buffer.data(), block.data + done, static_cast<size_t>(count)) != 0) return false;
        done += static_cast<size_t>(count);
    }
    return true;
}

AlikeFiles::AlikeFiles(const std::string& folder) {
    if (!folder.empty()) root_ = base::Fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

BegunFile AlikeFiles::begin(int file, const std::string& path, int64_t size) {
    auto original = find(path, size);
    if (!original) return {file, {}};
    struct stat status{};
    if (::ioctl(file, FICLONE, original.get()) == 0) {
        if (::fstat(file, &status) == 0 && status.st_size == size) return {file, std::move(original)};
    } else {
        if (errno == ENOSPC || errno == EDQUOT || errno == EIO) base::fail("Failed sharing " + path);
        if (errno == EOPNOTSUPP || errno == EXDEV || errno == ENOTTY) root_.reset(); // never, here
    }
    // What it may have got of the other must not show in the holes of this one.
    if (::ftruncate(file, 0) < 0) base::fail("Failed writing " + path);
    return {file, {}};
}

base::Fd AlikeFiles::find(const std::string& path, int64_t size) {
    if (!root_ || size == 0) return {};
    const auto slash = path.rfind('/');
    const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (!enter(slash == std::string::npos ? "." : path.substr(0, slash))) return {};
    struct stat status{};
    if (::fstatat(folder_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return {};
    if (!S_ISREG(status.st_mode) || status.st_size != size) return {};
    return base::Fd(::openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

/// Kept open for the files that follow.
bool AlikeFiles::enter(const std::string& path) {
    if (path == folder_path_) return has_folder_;
    folder_path_ = path;
    try {
        folder_ = base::open_beneath(root_.get(), path, O_PATH | O_DIRECTORY);
        has_folder_ = true;
    } catch (const std::system_error&) {
        has_folder_ = false;
    }
    return has_folder_;
}

} // namespace storage
