#pragma once
// The frames of the file helper's protocol (files.h): four bytes of length, then as many bytes. Callers: the helper and
// the instance room's files.

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <unistd.h>

namespace runner {

/// Fills `size` bytes; false when the stream ends before that.
inline bool read_exactly(int fd, char* data, size_t size) {
    while (size > 0) {
        const auto count = ::read(fd, data, size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error(errno, std::generic_category(), "read");
        if (count == 0) return false;
        data += count;
        size -= static_cast<size_t>(count);
    }
    return true;
}

/// Nothing when the stream ended instead; throws when the frame is longer than `limit`.
inline std::optional<std::string> read_frame(int fd, uint32_t limit) {
    uint32_t size = 0;
    if (!read_exactly(fd, reinterpret_cast<char*>(&size), sizeof size)) return std::nullopt;
    if (size > limit) throw std::system_error(EMSGSIZE, std::generic_category(), "read a frame");
    std::string data(size, '\0');
    if (!read_exactly(fd, data.data(), data.size())) return std::nullopt;
    return data;
}

/// A frame's bytes, to be written whole.
inline std::string framed(std::string_view data) {
    const auto size = static_cast<uint32_t>(data.size());
    std::string bytes(sizeof size, '\0');
    std::memcpy(bytes.data(), &size, sizeof size);
    bytes += data;
    return bytes;
}

} // namespace runner
