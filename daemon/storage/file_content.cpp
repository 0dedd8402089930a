#include "daemon/storage/file_content.h"
#include "daemon/storage/write_at.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/fs.h>
#include <span>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace storage {

namespace {

constexpr off_t step = 4 << 20; // between two looks at the cancel token: a slow disk writes it well within a second

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// Nothing is left between these offsets where the file became shorter while it was read.
off_t copy_by_buffer(int source, int target, off_t offset, off_t end) {
    std::vector<char> buffer(static_cast<size_t>(std::min<off_t>(end - offset, 1 << 20)));
    while (offset < end) {
        const auto wanted = std::min<off_t>(end - offset, static_cast<off_t>(buffer.size()));
        const auto count = ::pread(source, buffer.data(), static_cast<size_t>(wanted), offset);
        if (count < 0) {
            if (errno == EINTR) continue;
            fail("read");
        }
        if (count == 0) break;
        if (!write_at(target, {buffer.data(), static_cast<size_t>(count)}, offset)) fail("write");
        offset += count;
    }
    return offset;
}

/// Whether there were so many bytes.
bool read_at(int file, std::span<char> bytes, off_t offset) {
    while (!bytes.empty()) {
        const auto count = ::pread(file, bytes.data(), bytes.size(), offset);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("read");
        if (count == 0) return false;
        bytes = bytes.subspan(static_cast<size_t>(count));
        offset += count;
    }
    return true;
}

bool kernel_cannot(int error) {
    return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS || error == EBADF;
}

} // namespace

bool ContentCopier::clone(int source, int target, std::atomic<bool>& works) {
    if (!works.load(std::memory_order_relaxed)) return false;
    if (::ioctl(target, FICLONE, source) == 0) return true;
    if (errno == ENOSPC || errno == EDQUOT || errno == EIO) fail("reflink");
    works.store(false, std::memory_order_relaxed);
    return false;
}

bool ContentCopier::hold_the_same(int one, int other, off_t size) {
    constexpr size_t most = 256 << 10;
    std::vector<char> here(most);
    std::vector<char> there(most);
    for (off_t offset = 0; offset < size;) {
        if (offset % step == 0) cancel_.check();
        const auto wanted = std::min<size_t>(most, static_cast<size_t>(size - offset));
        if (!read_at(one, {here.data(), wanted}, offset) || !read_at(other, {there.data(), wanted}, offset) ||
            std::memcmp(here.data(), there.data(), wanted) != 0)
            return false;
        offset += static_cast<off_t>(wanted);
    }
    return true;
}

bool ContentCopier::share(int source, off_t size, int alike, int target) {
    // Before they are compared: that is for nothing where the filesystem shares nothing.
    if (clone(alike, target, shares_) && hold_the_same(source, alike, size)) return true;
    if (::ftruncate(target, 0) < 0) fail("ftruncate");
    return false;
}

void ContentCopier::copy_range(int source, int target, off_t offset, off_t end) {
    while (offset < end) {
        cancel_.check();
        const auto length = std::min(end - offset, step);
        off_t from = offset;
        off_t to = offset;
        const auto count = ::copy_file_range(source, &from, target, &to, static_cast<size_t>(length), 0);
        if (count > 0) {
            offset += count;
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && !kernel_cannot(errno)) fail("copy_file_range");
        // Zero is the end of the file, or a filesystem that reports none for files it makes up.
        const auto reached = copy_by_buffer(source, target, offset, offset + length);
        if (reached == offset) return;
        offset = reached;
    }
}

void ContentCopier::copy_data_and_holes(int source, int target, off_t size) {
    if (::ftruncate(target, size) < 0) fail("ftruncate");
    off_t hole = 0;
    while (hole < size) {
        const auto data = ::lseek(source, hole, SEEK_DATA);
        if (data < 0) {
            if (errno == ENXIO) return; // only a hole is left
            return copy_range(source, target, hole, size);
        }
        hole = ::lseek(source, data, SEEK_HOLE);
        if (hole < 0) fail("lseek");
        copy_range(source, target, data, std::min(hole, size));
    }
}

void ContentCopier::copy(int source, const struct stat& source_stat, int target) {
    if (source_stat.st_size == 0 || clone(source, target, reflink_)) return;
    const bool sparse = source_stat.st_blocks * 512 < source_stat.st_size;
    if (sparse) return copy_data_and_holes(source, target, source_stat.st_size);
    copy_range(source, target, 0, source_stat.st_size);
}

} // namespace storage
