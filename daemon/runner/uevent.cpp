#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>

#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>

#include "daemon/base/fd.h"
#include "daemon/runner/enter.h"
#include "daemon/runner/verbs.h"

namespace runner {

namespace {

constexpr int init_pidfd = 3;
/// What uevent_net_rcv of the kernel takes; it has no name in a header.
constexpr int uevent_send = 16;

void send(const base::Fd& socket, const std::string& text) {
    nlmsghdr header{};
    header.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(text.size()));
    header.nlmsg_type = uevent_send;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    std::string message(reinterpret_cast<const char*>(&header), sizeof header);
    message += text;
    message.resize(NLMSG_SPACE(text.size()), '\0');
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (::sendto(socket.get(), message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                 sizeof kernel) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed sending the event");
}

void await_answer(const base::Fd& socket) {
    char answer[4096];
    const auto size = ::recv(socket.get(), answer, sizeof answer, 0);
    if (size < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(int)))) return;
    nlmsgerr result{};
    std::memcpy(&result.error, answer + NLMSG_HDRLEN, sizeof result.error);
    if (result.error != 0)
        throw std::system_error(-result.error, std::generic_category(), "The kernel refused the event");
}

} // namespace

int send_uevent(const Arguments& arguments) {
    if (arguments.empty()) throw std::invalid_argument("uevent: expected WORDS");
    enter_container(init_pidfd);
    // Never to the host's own listeners, whose network namespace the container may have.
    if (::setns(init_pidfd, CLONE_NEWNET) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed joining the container's network namespace");
    const auto socket =
        base::checked(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT), "NETLINK_KOBJECT_UEVENT");
    std::string text;
    for (const auto& word : arguments) text.append(word).push_back('\0');
    send(socket, text);
    await_answer(socket);
    return 0;
}

} // namespace runner
