#include "daemon/base/fd_passing.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

namespace base {

ssize_t send_with_fds(int socket, std::string_view data, const std::vector<int>& fds) {
    if (fds.size() > most_passed_fds) {
        errno = ETOOMANYREFS;
        return -1;
    }
    iovec part{const_cast<char*>(data.data()), data.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_passed_fds * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
        const auto size = fds.size() * sizeof(int);
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(size);
        auto* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(size);
        std::memcpy(CMSG_DATA(header), fds.data(), size);
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL);
}

ssize_t receive_with_fds(int socket, char* data, size_t size, std::vector<Fd>& fds, int flags) {
    iovec part{data, size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_passed_fds * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t count = 0;
    do count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
    while (count < 0 && errno == EINTR);
    if (count < 0) return count;
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const auto passed = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < passed; ++index) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + index * sizeof(int), sizeof fd);
            fds.emplace_back(fd);
        }
    }
    return count;
}

} // namespace base
