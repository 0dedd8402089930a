#pragma once
// An intercepted system call as liblxc's monitor sends it: one packet of a header, the kernel's seccomp_notif, room for
// the answer and the cookie of the container's configuration, with three descriptors. Pure; the server reads and writes
// the packets.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace intercept {

struct Notification {
    uint64_t id = 0;
    int32_t pid = 0; // the calling thread, in our pid namespace
    int32_t init_pid = 0;
    uint32_t architecture = 0; // AUDIT_ARCH_*
    int number = 0;
    std::array<uint64_t, 6> arguments{};
    std::string cookie;
    std::string header; // to be sent back as it came
    std::string call;   // the kernel's seccomp_notif, likewise
};

/// What the call returns in the container.
struct Answer {
    int32_t error = 0; // a positive errno
    int64_t value = 0;
    bool go_on = false; // the kernel does the call, with the caller's own rights

    bool operator==(const Answer&) const = default;
};
inline constexpr Answer go_on{0, 0, true};
inline Answer refused(int error) {
    return {error, 0, false};
}

/// More than any packet: liblxc takes a cookie of any length, ours are names of instances.
constexpr size_t largest_packet = 1024;

/// Nothing for what is no such packet of a kernel with our sizes.
std::optional<Notification> parse(std::string_view packet);
/// The packet that answers it: without the cookie, with which liblxc would not take it.
std::string reply(const Notification& notification, const Answer& answer);

} // namespace intercept
