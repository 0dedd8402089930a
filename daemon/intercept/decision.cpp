#include "daemon/intercept/decision.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "schema/seccomp_rules.h"

namespace intercept {

namespace {

std::string text(uint64_t number) {
    return std::to_string(number);
}

/// int arguments come in the lower half of a register, whatever is above.
int32_t as_int(uint64_t argument) {
    return static_cast<int32_t>(static_cast<uint32_t>(argument));
}

/// LXD's: what every container has anyway, {major, minor}.
constexpr std::array harmless_devices = {
    std::pair{5U, 1U}, // console
    std::pair{1U, 7U}, // full
    std::pair{1U, 3U}, // null
    std::pair{1U, 8U}, // random
    std::pair{5U, 0U}, // tty
    std::pair{1U, 9U}, // urandom
    std::pair{1U, 5U}, // zero
};

/// `folder` is a descriptor of the caller, or AT_FDCWD.
Decision make_node(int32_t folder, uint64_t path_address, uint64_t mode_argument, uint64_t device_argument,
                   const ReadMemory& read) {
    const auto mode = static_cast<uint32_t>(mode_argument) & (S_IFMT | 07777U);
    // The kernel's 32 bits of a device number.
    const auto device = static_cast<uint32_t>(device_argument);
    const unsigned major = device >> 8U & 0xfffU;
    const unsigned minor = (device & 0xffU) | (device >> 12U & 0xfff00U);
    // A whiteout (0:0) needs no right since Linux 5.8.
    if ((mode & S_IFMT) != S_IFCHR ||
        std::ranges::find(harmless_devices, std::pair{major, minor}) == harmless_devices.end())
        return go_on;
    const auto path = text_at(read, path_address);
    if (!path || path->empty()) return go_on;
    return Work{{"mknod", std::to_string(folder), *path, text(mode), text(major), text(minor)}};
}

Decision mknod(const Notification& call, const Settings&, const ReadMemory& read) {
    return make_node(AT_FDCWD, call.arguments[0], call.arguments[1], call.arguments[2], read);
}

Decision mknodat(const Notification& call, const Settings&, const ReadMemory& read) {
    return make_node(as_int(call.arguments[0]), call.arguments[1], call.arguments[2], call.arguments[3], read);
}

/// The mark of a folder that hides the one below it in an overlay.
Decision setxattr(const Notification& call, const Settings&, const ReadMemory& read) {
    const auto path = text_at(read, call.arguments[0]);
    const auto name = text_at(read, call.arguments[1], 256);
    if (!path || path->empty() || name != "trusted.overlay.opaque") return go_on;
    if (call.arguments[3] != 1 || read(call.arguments[2], 1) != "y") return go_on;
    return Work{{"setxattr", *path, text(static_cast<uint32_t>(call.arguments[4]))}};
}

/// Flags that go with a new superblock.
constexpr unsigned known_flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS | MS_MANDLOCK |
                                 MS_DIRSYNC | MS_NOATIME | MS_NODIRATIME | MS_REC | MS_SILENT | MS_POSIXACL |
                                 MS_RELATIME | MS_STRICTATIME | MS_LAZYTIME;

/// Without the number that programs once had to put into the upper half.
unsigned mount_flags(uint64_t argument) {
    const auto flags = static_cast<unsigned>(argument);
    return (flags & MS_MGC_MSK) == MS_MGC_VAL ? flags & ~static_cast<unsigned>(MS_MGC_MSK) : flags;
}

Decision mount(const Notification& call, const Settings& settings, const ReadMemory& read) {
    const auto type = text_at(read, call.arguments[2], 256);
    if (!type || type->empty()) return go_on;
    const auto found = settings.filesystems.find(*type);
    const auto flags = mount_flags(call.arguments[3]);
    if (found == settings.filesystems.end() || (flags & ~known_flags) != 0) return go_on;
    const auto source = text_at(read, call.arguments[0]);
    const auto target = text_at(read, call.arguments[1]);
    const auto data = text_at(read, call.arguments[4]);
    if (!source || !target || target->empty() || !data) return go_on;
    if (!found->second.empty()) return Work{{"mount-fuse", found->second, *source, *target, text(flags), *data}};
    return Work{{"mount", *type, *source, *target, text(flags), *data, settings.map_owners ? "map" : "as-is"}};
}

Decision sched_setscheduler(const Notification& call, const Settings&, const ReadMemory& read) {
    const auto pid = as_int(call.arguments[0]);
    const auto policy = as_int(call.arguments[1]);
    const auto bytes = read(call.arguments[2], sizeof(int32_t));
    if (pid < 0 || policy < 0 || bytes.size() != sizeof(int32_t)) return go_on;
    int32_t priority = 0;
    std::memcpy(&priority, bytes.data(), sizeof priority);
    return Work{{"sched_setscheduler", std::to_string(pid), std::to_string(policy), std::to_string(priority)}};
}

Decision sysinfo(const Notification& call, const Settings& settings, const ReadMemory&) {
    // Of a 32-bit caller the struct is another.
    if (call.arguments[0] == 0 || (call.architecture & __AUDIT_ARCH_64BIT) == 0) return go_on;
    return Work{{"sysinfo", settings.name, std::to_string(call.init_pid), text(call.arguments[0])}};
}

Decision bpf(const Notification& call, const Settings& settings, const ReadMemory&) {
    const auto command = as_int(call.arguments[0]);
    const bool known = command == BPF_PROG_LOAD || command == BPF_PROG_ATTACH || command == BPF_PROG_DETACH;
    if (!settings.device_programs || !known) return go_on;
    return Work{
        {"bpf", std::to_string(command), text(call.arguments[1]), text(static_cast<uint32_t>(call.arguments[2]))}};
}

struct Call {
    std::string_view name;
    Decision (*decide)(const Notification&, const Settings&, const ReadMemory&);
};
constexpr std::array calls = {
    Call{"mknod", mknod},
    Call{"mknodat", mknodat},
    Call{"setxattr", setxattr},
    Call{"mount", mount},
    Call{"sched_setscheduler", sched_setscheduler},
    Call{"sysinfo", sysinfo},
    Call{"bpf", bpf},
};

} // namespace

Decision decide(const Notification& call, const Settings& settings, const ReadMemory& read) {
    const auto name = schema::syscall_name(call.architecture, call.number);
    const auto* const row = std::ranges::find(calls, name, &Call::name);
    // Of a policy of the user's own (raw.seccomp), for one.
    return row == calls.end() ? Decision(go_on) : row->decide(call, settings, read);
}

} // namespace intercept
