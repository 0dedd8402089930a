#include "daemon/base/uevent.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <linux/netlink.h>
#include <sys/socket.h>

namespace base {

namespace {

constexpr unsigned kernel_group = 1;
constexpr unsigned udev_group = 2;
constexpr size_t largest = 16384; // udev's messages have all properties of a device

/// udev's own header; properties lie where it says, in the machine's order of bytes.
std::optional<std::string_view> udev_properties(std::string_view datagram) {
    constexpr size_t offset_place = 16;
    uint32_t place[2] = {0, 0}; // offset and length
    if (datagram.size() < offset_place + sizeof place) return std::nullopt;
    std::memcpy(place, datagram.data() + offset_place, sizeof place);
    if (place[0] > datagram.size() || place[1] > datagram.size() - place[0]) return std::nullopt;
    return datagram.substr(place[0], place[1]);
}

struct Message {
    std::string text;
    unsigned group = 0;
    uid_t sender = 0;
    bool from_kernel = false;
};

/// Nothing where there is no more. Throws std::system_error where messages were lost.
std::optional<Message> receive(int socket) {
    Message message;
    message.text.resize(largest);
    iovec data{message.text.data(), message.text.size()};
    sockaddr_nl from{};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof from;
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const auto size = ::recvmsg(socket, &header, MSG_DONTWAIT);
    if (size < 0) {
        if (errno == EAGAIN || errno == EINTR) return std::nullopt;
        throw std::system_error(errno, std::generic_category(), "uevents");
    }
    message.text.resize(static_cast<size_t>(size));
    message.group = from.nl_groups;
    message.from_kernel = from.nl_pid == 0;
    message.sender = static_cast<uid_t>(-1);
    for (auto* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
        ucred credentials{};
        std::memcpy(&credentials, CMSG_DATA(part), sizeof credentials);
        message.sender = credentials.uid;
    }
    return message;
}

bool is_trusted(const Message& message) {
    if (message.group == kernel_group) return message.from_kernel;
    return message.group == udev_group && message.sender == 0;
}

} // namespace

std::vector<std::string> Uevent::words() const {
    std::vector<std::string> words = {property("ACTION") + "@" + property("DEVPATH")};
    for (const auto& [name, value] : properties)
        if (name != "SEQNUM") words.push_back(name + "=" + value);
    return words;
}

std::optional<Uevent> parse_uevent(std::string_view datagram) {
    Uevent event;
    event.from_udev = datagram.starts_with(std::string_view("libudev\0", 8));
    if (event.from_udev) {
        const auto properties = udev_properties(datagram);
        if (!properties) return std::nullopt;
        datagram = *properties;
    }
    while (!datagram.empty()) {
        const auto end = std::min(datagram.find('\0'), datagram.size());
        const auto word = datagram.substr(0, end);
        datagram.remove_prefix(std::min(end + 1, datagram.size()));
        const auto equals = word.find('=');
        if (equals != std::string_view::npos && equals > 0)
            event.properties[std::string(word.substr(0, equals))] = word.substr(equals + 1);
    }
    if (event.property("ACTION").empty() || event.property("DEVPATH").empty()) return std::nullopt;
    return event;
}

UeventListener::UeventListener(EventLoop& loop, std::function<void(const std::optional<Uevent>&)> heard)
    : loop_(loop), heard_(std::move(heard)) {}

UeventListener::~UeventListener() {
    listen(false);
}

void UeventListener::listen(bool on) {
    const std::scoped_lock lock(mutex_);
    if (on == static_cast<bool>(socket_)) return;
    if (!on) {
        loop_.remove(id_);
        socket_.reset();
        return;
    }
    auto socket = checked(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT),
                          "NETLINK_KOBJECT_UEVENT");
    const int yes = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
    const int room = 4 << 20;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = kernel_group | udev_group;
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        throw std::system_error(errno, std::generic_category(), "NETLINK_KOBJECT_UEVENT");
    socket_ = std::move(socket);
    id_ = loop_.watch(socket_.get(), [this] { on_readable(); });
}

void UeventListener::on_readable() {
    std::vector<std::optional<Uevent>> events;
    {
        const std::scoped_lock lock(mutex_);
        if (!socket_) return;
        try {
            while (const auto message = receive(socket_.get()))
                if (auto event = is_trusted(*message) ? parse_uevent(message->text) : std::nullopt)
                    events.push_back(std::move(event));
        } catch (const std::system_error&) {
            events.emplace_back();
        }
    }
    for (const auto& event : events) heard_(event);
}

} // namespace base
