#include "daemon/base/fd.h"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include "schema/error.h"

namespace base {

void Fd::reset(int fd) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

Fd checked(int result, std::string_view what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), std::string(what));
    return Fd(result);
}

Pipe make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw std::system_error(errno, std::generic_category(), "pipe");
    return {Fd(ends[0]), Fd(ends[1])};
}

void write_all(int fd, std::string_view data) {
    while (!data.empty()) {
        const auto count = ::write(fd, data.data(), data.size());
        if (count < 0) {
            if (errno == EINTR) continue;
            throw std::system_error(errno, std::generic_category(), "write");
        }
        data.remove_prefix(static_cast<size_t>(count));
    }
}

std::string read_to_end(int fd, size_t limit) {
    std::string content;
    char buffer[16384];
    for (;;) {
        const auto count = ::read(fd, buffer, sizeof buffer);
        if (count < 0) {
            if (errno == EINTR) continue;
            throw std::system_error(errno, std::generic_category(), "read");
        }
        if (count == 0) return content;
        content.append(buffer, static_cast<size_t>(count));
        if (content.size() > limit) throw schema::Error(schema::ErrorKind::too_large, "More data than is accepted");
    }
}

} // namespace base
