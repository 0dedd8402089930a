#include <array>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/runner/enter.h"
#include "daemon/runner/files.h"
#include "daemon/runner/sftp_server.h"
#include "daemon/runner/verbs.h"

namespace runner {

namespace {

/// The client's socket, for as long as the container lives: its file systems must not be kept by us.
class Link {
public:
    /// `init` is a pidfd, or -1 where no container runs.
    explicit Link(int init) : init_(init) {}

    /// False at the end of either.
    bool read(char* data, size_t size) const {
        while (size > 0) {
            const auto count = ::recv(files_request_fd, data, size, MSG_DONTWAIT);
            if (count == 0) return false;
            if (count < 0 && !again(POLLIN)) return false;
            if (count < 0) continue;
            data += count;
            size -= static_cast<size_t>(count);
        }
        return true;
    }
    bool write(std::string_view data) const {
        while (!data.empty()) {
            const auto count = ::send(files_request_fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0 && !again(POLLOUT)) return false;
            if (count > 0) data.remove_prefix(static_cast<size_t>(count));
        }
        return true;
    }

private:
    bool again(short events) const {
        if (errno != EAGAIN && errno != EINTR) return false;
        std::array<pollfd, 2> waits{{{files_request_fd, events, 0}, {init_, POLLIN, 0}}};
        while (::poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
        }
        return waits[1].revents == 0;
    }

    int init_;
};

base::Fd root_folder(const Arguments& arguments) {
    ::umask(0);
    if (!arguments.empty()) {
        auto root = base::checked(::open(arguments[0].c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), arguments[0]);
        if (arguments.size() > 1) enter_user_namespace(schema::id_map_from(arguments[1]));
        return root;
    }
    enter_container(files_pidfd);
    return base::checked(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), "/");
}

uint32_t length_of(const std::array<char, 4>& bytes) {
    uint32_t length = 0;
    for (const char byte : bytes) length = length << 8U | static_cast<unsigned char>(byte);
    return length;
}

} // namespace

int serve_sftp(const Arguments& arguments) {
    sftp::Server server(root_folder(arguments));
    const Link link(arguments.empty() ? files_pidfd : -1);
    std::array<char, 4> length{};
    std::string packet;
    while (link.read(length.data(), length.size())) {
        const auto size = length_of(length);
        if (size == 0 || size > sftp::packet_limit) return 1;
        packet.resize(size);
        if (!link.read(packet.data(), size) || !link.write(server.answer(packet))) break;
    }
    return 0;
}

} // namespace runner
