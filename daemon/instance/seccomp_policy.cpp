#include "daemon/instance/seccomp_policy.h"

#include <array>
#include <cstdio>

#include "schema/error.h"
#include "schema/keys/syscalls.h"
#include "schema/values.h"

namespace instance {

namespace {

using schema::syscall_key;

// ENOSYS rather than EPERM: programs then take their other way, as on a kernel without these calls. LXD's list lacks
// kexec_file_load, with which root of a privileged container replaces the host's kernel.
constexpr std::string_view default_rules = "reject_force_umount\n"
                                           "kexec_load errno 38\n"
                                           "kexec_file_load errno 38\n"
                                           "open_by_handle_at errno 38\n"
                                           "init_module errno 38\n"
                                           "finit_module errno 38\n"
                                           "delete_module errno 38\n";

/// A container that could put a listener (flag 8) or a tracer (action 0x7ff00000) of its own over ours could answer for
/// us.
constexpr std::string_view keep_listener = "seccomp errno 22 [1,2146435072,SCMP_CMP_MASKED_EQ,2146435072]\n"
                                           "seccomp errno 22 [1,8,SCMP_CMP_MASKED_EQ,8]\n";

enum class Needs { listener, going_on, descriptors }; // each what is before it as well

struct Intercepted {
    std::string_view key; // below security.syscalls.
    Needs needs;
    std::string_view rules;
};
constexpr std::array intercepted = {
    // Character (0x2000) and block (0x6000) devices alone.
    Intercepted{"intercept.mknod", Needs::listener,
                "mknod notify [1,8192,SCMP_CMP_MASKED_EQ,61440]\n"
                "mknod notify [1,24576,SCMP_CMP_MASKED_EQ,61440]\n"
                "mknodat notify [2,8192,SCMP_CMP_MASKED_EQ,61440]\n"
                "mknodat notify [2,24576,SCMP_CMP_MASKED_EQ,61440]\n"},
    Intercepted{"intercept.sched_setscheduler", Needs::listener, "sched_setscheduler notify\n"},
    // Of one byte: an overlay's mark of a folder is "y".
    Intercepted{"intercept.setxattr", Needs::listener, "setxattr notify [3,1,SCMP_CMP_EQ]\n"},
    Intercepted{"intercept.sysinfo", Needs::listener, "sysinfo notify\n"},
    // Flags of which none makes anything but a new superblock (no bind, move, remount or propagation); what mounts in
    // several calls is not there, so that programs take this one.
    Intercepted{"intercept.mount", Needs::going_on,
                "mount notify [3,0,SCMP_CMP_MASKED_EQ,18446744070422410016]\n"
                "fsopen errno 38\n"
                "fsconfig errno 38\n"
                "fsmount errno 38\n"
                "fspick errno 38\n"
                "open_tree errno 38\n"
                "move_mount errno 38\n"
                "openat2 errno 38\n"},
    // BPF_PROG_LOAD, BPF_PROG_ATTACH and BPF_PROG_DETACH.
    Intercepted{"intercept.bpf", Needs::descriptors,
                "bpf notify [0,5,SCMP_CMP_EQ]\n"
                "bpf notify [0,8,SCMP_CMP_EQ]\n"
                "bpf notify [0,9,SCMP_CMP_EQ]\n"},
};

constexpr std::array compatibility_calls = {
    "compat_sys_rt_sigaction",
    "stub_x32_rt_sigreturn",
    "compat_sys_ioctl",
    "compat_sys_readv",
    "compat_sys_writev",
    "compat_sys_recvfrom",
    "compat_sys_sendmsg",
    "compat_sys_recvmsg",
    "stub_x32_execve",
    "compat_sys_ptrace",
    "compat_sys_rt_sigpending",
    "compat_sys_rt_sigtimedwait",
    "compat_sys_rt_sigqueueinfo",
    "compat_sys_sigaltstack",
    "compat_sys_timer_create",
    "compat_sys_mq_notify",
    "compat_sys_kexec_load",
    "compat_sys_waitid",
    "compat_sys_set_robust_list",
    "compat_sys_get_robust_list",
    "compat_sys_vmsplice",
    "compat_sys_move_pages",
    "compat_sys_preadv64",
    "compat_sys_pwritev64",
    "compat_sys_rt_tgsigqueueinfo",
    "compat_sys_recvmmsg",
    "compat_sys_sendmmsg",
    "compat_sys_process_vm_readv",
    "compat_sys_process_vm_writev",
    "compat_sys_setsockopt",
    "compat_sys_getsockopt",
    "compat_sys_io_setup",
    "compat_sys_io_submit",
    "stub_x32_execveat",
};

bool has(const base::HostFacts& facts, const char* feature) {
    const auto found = facts.kernel_features.find(feature);
    return found != facts.kernel_features.end() && found->second;
}

/// SECCOMP_IOCTL_NOTIF_ADDFD came with Linux 5.9.
bool adds_descriptors(const std::string& kernel_version) {
    int major = 0;
    int minor = 0;
    std::sscanf(kernel_version.c_str(), "%d.%d", &major, &minor);
    return major > 5 || (major == 5 && minor >= 9);
}

void check_host(Needs needs, const base::HostFacts& facts) {
    if (!has(facts, "seccomp_listener")) throw schema::bad_request("Seccomp notify not supported");
    if (needs == Needs::listener) return;
    if (!has(facts, "seccomp_listener_continue"))
        throw schema::bad_request("Seccomp notify doesn't support continuing syscalls");
    if (needs == Needs::descriptors && !adds_descriptors(facts.kernel_version))
        throw schema::bad_request("Seccomp notify doesn't support adding file descriptors");
}

/// Every line with its end, so that what is appended next begins a line.
std::string lines(const std::string& text) {
    return text.empty() || text.ends_with('\n') ? text : text + '\n';
}

std::string interception_rules(const schema::Config& config) {
    std::string rules(keep_listener);
    for (const auto& call : intercepted)
        if (schema::is_true(syscall_key(config, call.key))) rules += call.rules;
    return rules;
}

std::string compatibility_rules(const std::string& architecture) {
    // Other architectures have no such calls, and liblxc takes no section of a name that it does not know.
    if (architecture != "x86_64") return "";
    std::string rules = "[x86_64]\n";
    for (const auto* name : compatibility_calls) rules.append(name).append(" errno 38\n");
    return rules + "[all]\n";
}

bool default_list_is_wanted(const schema::Config& config) {
    const auto& value = syscall_key(config, "deny_default");
    return value.empty() || schema::is_true(value);
}

} // namespace

bool wants_interception(const Subject& subject, const base::HostFacts& facts) {
    if (subject.id_map.empty() || facts.in_user_namespace) return false;
    bool wanted = false;
    for (const auto& call : intercepted) {
        if (!schema::is_true(syscall_key(subject.config, call.key))) continue;
        check_host(call.needs, facts);
        wanted = true;
    }
    return wanted;
}

std::optional<std::string> seccomp_policy(const Subject& subject, const base::HostFacts& facts) {
    const auto& config = subject.config;
    if (const auto& raw = schema::get(config, "raw.seccomp"); !raw.empty()) return raw;

    const auto& allowed = syscall_key(config, "allow");
    std::string rules;
    if (!allowed.empty())
        rules += lines(allowed);
    else if (default_list_is_wanted(config))
        rules += default_rules;
    if (wants_interception(subject, facts)) rules += interception_rules(config);
    if (allowed.empty()) {
        if (schema::is_true(syscall_key(config, "deny_compat"))) rules += compatibility_rules(subject.architecture);
        rules += lines(syscall_key(config, "deny"));
    }
    if (rules.empty()) return std::nullopt;
    return std::string("2\n") + (allowed.empty() ? "denylist" : "allowlist") + "\n[all]\n" + rules;
}

} // namespace instance
