#include "daemon/intercept/memory.h"

#include <algorithm>
#include <limits>

#include <unistd.h>

namespace intercept {

ReadMemory memory_of(int fd) {
    return [fd](uint64_t address, size_t size) {
        std::string bytes(size, '\0');
        ssize_t count = -1;
        if (address <= static_cast<uint64_t>(std::numeric_limits<off_t>::max()))
            count = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(address));
        bytes.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
        return bytes;
    };
}

std::optional<std::string> text_at(const ReadMemory& read, uint64_t address, size_t limit) {
    if (address == 0) return "";
    auto bytes = read(address, limit);
    const auto end = bytes.find('\0');
    if (end == std::string::npos) return std::nullopt;
    bytes.resize(end);
    return bytes;
}

} // namespace intercept
