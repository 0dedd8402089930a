#include "daemon/storage/block_content.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/fail.h"
#include "daemon/storage/block_copy.h"
#include "daemon/storage/write_at.h"
#include "schema/error.h"

namespace storage {

namespace {

using base::fail;

constexpr int64_t piece = 64 << 10;
constexpr int64_t at_once = 16 * piece;
constexpr int64_t the_end = -1;

/// Before each piece on a pipe.
using Frame = std::array<int64_t, 2>; // offset, length

bool is_zero(std::string_view bytes) {
    return bytes.empty() || (bytes.front() == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

/// In order.
using Take = std::function<void(int64_t offset, std::string_view bytes)>;

void without_zeros(int64_t offset, std::string_view bytes, const Take& take) {
    while (!bytes.empty()) {
        const auto length = static_cast<size_t>(piece - offset % piece);
        const auto part = bytes.substr(0, length);
        if (!is_zero(part)) take(offset, part);
        offset += static_cast<int64_t>(part.size());
        bytes.remove_prefix(part.size());
    }
}

/// The next data at or after an offset; the end where there is none. A device tells of no holes.
int64_t next_data(int blocks, int64_t offset, int64_t size) {
    const auto data = ::lseek(blocks, offset, SEEK_DATA);
    if (data >= 0) return std::max<int64_t>(data, offset);
    return errno == ENXIO ? size : offset;
}

size_t read_up_to(int from, char* to, size_t size, int64_t offset) {
    for (;;) {
        const auto count = ::pread(from, to, size, offset);
        if (count >= 0) return static_cast<size_t>(count);
        if (errno != EINTR) fail("Failed reading a block volume");
    }
}

void each_data(int blocks, const base::CancelToken& cancel, const Take& take) {
    const auto size = size_of_blocks(blocks);
    std::string buffer(static_cast<size_t>(at_once), '\0');
    for (auto offset = next_data(blocks, 0, size); offset < size; offset = next_data(blocks, offset, size)) {
        cancel.check();
        const auto wanted = std::min(size - offset, at_once - offset % piece);
        const auto count = read_up_to(blocks, buffer.data(), static_cast<size_t>(wanted), offset);
        if (count == 0) return; // It is shorter now than it was.
        without_zeros(offset, {buffer.data(), count}, take);
        offset += static_cast<int64_t>(count);
    }
}

base::Fd open_target(const std::string& path) {
    return base::checked(::open(path.c_str(), O_RDWR | O_CLOEXEC), "Failed opening " + path);
}

void sync(int blocks) {
    if (::fdatasync(blocks) < 0) fail("Failed writing a block volume");
}

void read_whole(int from, char* to, size_t size) {
    while (size > 0) {
        const auto count = ::read(from, to, size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("Failed reading from lxd-tar");
        if (count == 0) throw schema::bad_request("The backup's block volume is cut short");
        to += count;
        size -= static_cast<size_t>(count);
    }
}

template <class Numbers> Numbers numbers_from(int from) {
    Numbers numbers{};
    std::array<char, sizeof(Numbers)> bytes{};
    read_whole(from, bytes.data(), bytes.size());
    std::memcpy(&numbers, bytes.data(), bytes.size());
    return numbers;
}

template <class Numbers> void write_numbers(int to, const Numbers& numbers) {
    std::array<char, sizeof(Numbers)> bytes{};
    std::memcpy(bytes.data(), &numbers, bytes.size());
    base::write_all(to, {bytes.data(), bytes.size()});
}

} // namespace

base::Fd open_blocks(const std::string& path) {
    const bool is_device = path.starts_with("/dev/"); // where the names that drivers give are links
    return base::checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC | (is_device ? 0 : O_NOFOLLOW)),
                         "Failed opening " + path);
}

int64_t size_of_blocks(int blocks) {
    struct stat status{};
    if (::fstat(blocks, &status) < 0) fail("Failed looking at a block volume");
    uint64_t bytes = 0;
    if (!S_ISBLK(status.st_mode)) return status.st_size;
    if (::ioctl(blocks, BLKGETSIZE64, &bytes) < 0) fail("Failed reading the size of a block volume");
    return static_cast<int64_t>(bytes);
}

DataRanges data_in_blocks(int blocks, const base::CancelToken& cancel) {
    DataRanges ranges;
    each_data(blocks, cancel, [&](int64_t offset, std::string_view bytes) {
        const auto length = static_cast<int64_t>(bytes.size());
        if (!ranges.empty() && ranges.back().first + ranges.back().second == offset)
            ranges.back().second += length;
        else
            ranges.emplace_back(offset, length);
    });
    return ranges;
}

void copy_blocks(const std::string& from, const std::string& to, const base::CancelToken& cancel,
                 const Progress& progress) {
    const auto source = open_blocks(from);
    const auto target = open_target(to);
    copy_block_device(source.get(), target.get(), cancel, progress);
}

BlockSender::BlockSender(int to, int64_t size) : to_(to) {
    write_numbers(to_, size);
}

void BlockSender::data(int64_t offset, std::string_view bytes) const {
    write_numbers(to_, Frame{offset, static_cast<int64_t>(bytes.size())});
    base::write_all(to_, bytes);
}

void BlockSender::end() const {
    write_numbers(to_, Frame{the_end, 0});
}

int64_t received_size(int from) {
    const auto size = numbers_from<int64_t>(from);
    if (size < 0) throw schema::bad_request("The backup's block volume has no size");
    return size;
}

void receive_blocks(int from, int64_t size, const std::string& to, const base::CancelToken& cancel) {
    const auto target = open_target(to);
    std::string buffer(static_cast<size_t>(at_once), '\0');
    for (;;) {
        auto [offset, length] = numbers_from<Frame>(from);
        if (offset == the_end) break;
        if (offset < 0 || length < 0 || offset > size || length > size - offset)
            throw schema::bad_request("The backup's block volume has more content than its size");
        while (length > 0) {
            cancel.check();
            const auto count = static_cast<size_t>(std::min(length, at_once));
            read_whole(from, buffer.data(), count);
            without_zeros(offset, {buffer.data(), count}, [&](int64_t at, std::string_view bytes) {
                if (!write_at(target.get(), bytes, at)) fail("Failed writing a block volume");
            });
            offset += static_cast<int64_t>(count);
            length -= static_cast<int64_t>(count);
        }
    }
    sync(target.get());
}

} // namespace storage
