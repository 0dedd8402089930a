#pragma once
// Packets as liblxc's monitor sends them, made by hand.

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include <linux/audit.h>
#include <linux/seccomp.h>

namespace intercept::test {

struct Sent {
    uint32_t architecture = AUDIT_ARCH_X86_64;
    int number = 0;
    std::array<uint64_t, 6> arguments{};
    uint64_t reserved = 0;
    uint16_t notification_size = sizeof(seccomp_notif);
    uint32_t pid = 4321;
    int32_t init_pid = 1234;
    std::string cookie{};
};

template <class Value> void append(std::string& bytes, const Value& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

inline std::string packet(const Sent& sent) {
    std::string bytes;
    append(bytes, sent.reserved);
    append(bytes, int32_t{99}); // the monitor
    append(bytes, sent.init_pid);
    append(bytes, seccomp_notif_sizes{sent.notification_size, sizeof(seccomp_notif_resp), sizeof(seccomp_data)});
    append(bytes, uint16_t{0});
    append(bytes, uint64_t{sent.cookie.size()});
    seccomp_notif call{};
    call.id = 77;
    call.pid = sent.pid;
    call.data.nr = sent.number;
    call.data.arch = sent.architecture;
    std::memcpy(call.data.args, sent.arguments.data(), sizeof call.data.args);
    append(bytes, call);
    append(bytes, seccomp_notif_resp{});
    return bytes + sent.cookie;
}

} // namespace intercept::test
