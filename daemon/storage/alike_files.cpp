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

#include <fmt/format.h>

#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/storage/write_at.h"
#include "schema/error.h"

namespace storage {

void BegunFile::write(const TarReader::Block& block) {
    if (block.offset < end_) throw schema::bad_request("Damaged archive: the pieces of a file are out of order");
    clear_to(block.offset);
    if (!holds(block) && !write_at(file_, {block.data, block.size}, block.offset)) fail();
    end_ = block.offset + static_cast<int64_t>(block.size);
}

void BegunFile::finish(int64_t size) {
    clear_to(size);
    if (!original_ && end_ < size && ::ftruncate(file_, size) < 0) fail();
}

void BegunFile::clear_to(int64_t offset) {
    constexpr int hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (original_ && offset > end_ && ::fallocate(file_, hole, end_, offset - end_) < 0) fail();
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

void BegunFile::fail() const {
    base::fail(fmt::format("Failed writing \"{}\"", shown_));
}

AlikeFiles::AlikeFiles(const std::string& folder) {
    if (!folder.empty()) root_ = base::Fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

BegunFile AlikeFiles::begin(int file, const std::string& folder, const std::string& name, int64_t size) {
    const auto path = folder.empty() ? name : folder + "/" + name;
    auto original = find(folder, name, size);
    if (!original) return {file, {}, path};
    struct stat status{};
    if (::ioctl(file, FICLONE, original.get()) == 0) {
        if (::fstat(file, &status) == 0 && status.st_size == size) return {file, std::move(original), path};
    } else {
        if (errno == ENOSPC || errno == EDQUOT || errno == EIO) base::fail("Failed sharing " + path);
        if (errno == EOPNOTSUPP || errno == EXDEV || errno == ENOTTY) root_.reset(); // never, here
    }
    // What it may have got of the other must not show in the holes of this one.
    if (::ftruncate(file, 0) < 0) base::fail("Failed writing " + path);
    return {file, {}, path};
}

base::Fd AlikeFiles::find(const std::string& folder, const std::string& name, int64_t size) {
    if (!root_ || size == 0) return {};
    if (folder != folder_path_) enter(folder);
    struct stat status{};
    if (!folder_ || ::fstatat(folder_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return {};
    if (!S_ISREG(status.st_mode) || status.st_size != size) return {};
    return base::Fd(::openat(folder_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

/// Kept open for the files that follow.
void AlikeFiles::enter(const std::string& path) {
    folder_path_ = path;
    try {
        folder_ = base::open_beneath(root_.get(), path.empty() ? "." : path, O_PATH | O_DIRECTORY);
    } catch (const std::system_error&) {
        folder_.reset();
    }
}

} // namespace storage
