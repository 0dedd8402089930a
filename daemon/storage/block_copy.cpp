#include "daemon/storage/block_copy.h"

#include <cerrno>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "daemon/base/fail.h"
#include "daemon/storage/write_at.h"
#include "schema/error.h"

namespace storage {

namespace {

using base::fail;

/// What is read from there on, up to `piece` long; empty at the end.
std::string_view read_piece(int fd, std::vector<char>& piece, off_t offset) {
    size_t filled = 0;
    while (filled < piece.size()) {
        const auto got = ::pread(fd, piece.data() + filled, piece.size() - filled, offset + static_cast<off_t>(filled));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("Failed reading a block volume");
        if (got == 0) break;
        filled += static_cast<size_t>(got);
    }
    return {piece.data(), filled};
}

} // namespace

void copy_block_device(int source, int target, const base::CancelToken& cancel, const Progress& progress) {
    constexpr size_t length = 1 << 20;
    std::vector<char> wanted(length);
    std::vector<char> present(length);
    const auto size = ::lseek(source, 0, SEEK_END);
    if (size < 0) fail("Failed reading a block volume's size");
    for (off_t offset = 0; offset < size;) {
        cancel.check();
        const auto piece = read_piece(source, wanted, offset);
        if (piece.empty()) throw schema::failure("The block volume ended before its size");
        if (piece != read_piece(target, present, offset) && !write_at(target, piece, offset))
            fail("Failed writing a block volume");
        offset += static_cast<off_t>(piece.size());
        if (progress) progress(static_cast<int>(offset * 100 / size));
    }
    if (::fsync(target) < 0) fail("Failed syncing a block volume");
}

} // namespace storage
