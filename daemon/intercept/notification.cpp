#include "daemon/intercept/notification.h"

#include <cstddef>
#include <cstring>

#include <linux/seccomp.h>

namespace intercept {

namespace {

/// liblxc's struct seccomp_notify_proxy_msg.
struct Header {
    uint64_t reserved;
    int32_t monitor_pid;
    int32_t init_pid;
    seccomp_notif_sizes sizes;
    uint64_t cookie_length;
};
static_assert(sizeof(Header) == 32 && offsetof(Header, cookie_length) == 24);

constexpr size_t without_cookie = sizeof(Header) + sizeof(seccomp_notif) + sizeof(seccomp_notif_resp);

template <class Value> std::string bytes_of(const Value& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

} // namespace

std::optional<Notification> parse(std::string_view packet) {
    if (packet.size() < without_cookie || packet.size() > largest_packet) return std::nullopt;
    Header header{};
    seccomp_notif call{};
    std::memcpy(&header, packet.data(), sizeof header);
    std::memcpy(&call, packet.data() + sizeof header, sizeof call);
    const bool ours = header.reserved == 0 && header.sizes.seccomp_notif == sizeof(seccomp_notif) &&
                      header.sizes.seccomp_notif_resp == sizeof(seccomp_notif_resp) &&
                      header.sizes.seccomp_data == sizeof(seccomp_data) &&
                      header.cookie_length == packet.size() - without_cookie;
    // A caller outside of our pid namespace has no number here.
    if (!ours || header.init_pid <= 0 || static_cast<int32_t>(call.pid) <= 0) return std::nullopt;

    Notification result;
    result.id = call.id;
    result.pid = static_cast<int32_t>(call.pid);
    result.init_pid = header.init_pid;
    result.architecture = call.data.arch;
    result.number = call.data.nr;
    std::memcpy(result.arguments.data(), call.data.args, sizeof call.data.args);
    result.cookie = packet.substr(without_cookie);
    result.header = packet.substr(0, sizeof header);
    result.call = packet.substr(sizeof header, sizeof call);
    return result;
}

std::string reply(const Notification& notification, const Answer& answer) {
    seccomp_notif_resp response{};
    response.id = notification.id;
    if (answer.go_on)
        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else if (answer.error != 0)
        response.error = -answer.error;
    else
        response.val = answer.value;
    return notification.header + notification.call + bytes_of(response);
}

} // namespace intercept
