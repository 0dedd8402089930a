#pragma once
// Writes to a place in a file or device. Called wherever the storage room writes contents.

#include <cerrno>
#include <string_view>

#include <unistd.h>

namespace storage {

/// All of it, or false with errno set. Blocks.
[[nodiscard]] inline bool write_at(int fd, std::string_view data, off_t offset) {
    while (!data.empty()) {
        const auto count = ::pwrite(fd, data.data(), data.size(), offset);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        data.remove_prefix(static_cast<size_t>(count));
        offset += count;
    }
    return true;
}

} // namespace storage
