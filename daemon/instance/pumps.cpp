#include "daemon/instance/pumps.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <unistd.h>

namespace instance {

using base::WebSocket;

namespace {

constexpr size_t chunk = 64U << 10U;

/// Waits for an event on `fd`; false once all has ended and, where that matters, there is none.
bool wait_for(int fd, short events, int ended, AtEnd at_end = AtEnd::drain) {
    std::array<pollfd, 2> waits{{{fd, events, 0}, {ended, POLLIN, 0}}};
    while (::poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
    }
    if (at_end == AtEnd::stop && waits[1].revents != 0) return false;
    return waits[0].revents != 0;
}

/// False once nobody reads any more.
bool write_input(int fd, int ended, std::string_view data) {
    while (!data.empty()) {
        const auto count = ::write(fd, data.data(), data.size());
        if (count >= 0) {
            data.remove_prefix(static_cast<size_t>(count));
        } else if (errno == EAGAIN) {
            if (!wait_for(fd, POLLOUT, ended)) return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

} // namespace

void set_nonblocking(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void pump_output(int fd, int ended, const Sink& sink, AtEnd at_end) {
    std::string buffer(chunk, '\0');
    while (wait_for(fd, POLLIN, ended, at_end)) {
        const auto count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count <= 0) break; // end of file; a terminal says EIO
        if (!sink({buffer.data(), static_cast<size_t>(count)})) break;
    }
}

void pump_input(WebSocket& socket, int fd, int ended) {
    while (auto message = socket.receive()) {
        if (message->kind == WebSocket::Kind::text) break;
        if (!write_input(fd, ended, message->data)) break;
    }
}

int number_in(const schema::Json& arguments, std::string_view key) {
    const auto& value = arguments[key];
    if (value.is_integer()) return static_cast<int>(value.as_integer());
    int number = 0;
    if (value.is_string())
        std::from_chars(value.as_string().data(), value.as_string().data() + value.as_string().size(), number);
    return number;
}

} // namespace instance
