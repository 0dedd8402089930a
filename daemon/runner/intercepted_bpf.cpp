#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/runner/device_program.h"
#include "daemon/runner/intercept.h"
#include "daemon/runner/intercepted_calls.h"

namespace runner {

namespace {

void read_memory(uint64_t address, void* to, size_t size) {
    if (::pread(intercept_memory_fd, to, size, static_cast<off_t>(address)) != static_cast<ssize_t>(size))
        throw CallError{EFAULT};
}

long bpf(int command, bpf_attr& attributes) {
    return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

/// Copies what a program is loaded with; the kernel sees our copies alone.
int64_t load(const bpf_attr& wanted, uint64_t notification) {
    if (wanted.prog_type != BPF_PROG_TYPE_CGROUP_DEVICE || wanted.prog_flags != 0) throw GoOn();
    if (wanted.insn_cnt == 0 || wanted.insn_cnt > most_instructions) throw CallError{E2BIG};
    std::vector<bpf_insn> program(wanted.insn_cnt);
    read_memory(wanted.insns, program.data(), program.size() * sizeof(bpf_insn));
    if (!is_plain_program(program)) throw GoOn();
    char license[128]{};
    if (::pread(intercept_memory_fd, license, sizeof license - 1, static_cast<off_t>(wanted.license)) <= 0)
        throw CallError{EFAULT};

    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insn_cnt = wanted.insn_cnt;
    attributes.insns = reinterpret_cast<uint64_t>(program.data());
    attributes.license = reinterpret_cast<uint64_t>(license);
    std::memcpy(attributes.prog_name, wanted.prog_name, sizeof attributes.prog_name);
    // Without the others the kernel's verifier lets a program learn nothing of the kernel's.
    const uint64_t enough = uint64_t{1} << CAP_BPF | uint64_t{1} << CAP_NET_ADMIN;
    limit_capabilities(enough, enough);
    const base::Fd loaded(static_cast<int>(bpf(BPF_PROG_LOAD, attributes)));
    if (!loaded) throw CallError{errno};

    seccomp_notif_addfd added{};
    added.id = notification;
    added.srcfd = static_cast<uint32_t>(loaded.get());
    added.newfd_flags = O_CLOEXEC;
    const int number = ::ioctl(intercept_listener_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &added);
    if (number < 0) throw CallError{errno};
    return number;
}

/// Descriptors of the calling thread, which are its process's unless it has parted from them.
class Descriptors {
public:
    Descriptors(const Caller& caller, uint64_t notification) {
        process_.reset(static_cast<int>(::syscall(SYS_pidfd_open, caller.thread_group, 0)));
        if (!process_ || ::syscall(SYS_kcmp, caller.thread_group, caller.thread, KCMP_FILES, 0, 0) != 0) throw GoOn();
        // The numbers were still the caller's when they were used.
        if (::ioctl(intercept_listener_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &notification) < 0) throw GoOn();
    }
    base::Fd get(uint32_t number) const {
        base::Fd fd(static_cast<int>(::syscall(SYS_pidfd_getfd, process_.get(), static_cast<int>(number), 0)));
        if (!fd) throw CallError{EBADF};
        return fd;
    }

private:
    base::Fd process_;
};

int64_t attach(int command, const bpf_attr& wanted, const Caller& caller, uint64_t notification) {
    if (wanted.attach_type != BPF_CGROUP_DEVICE) throw GoOn();
    const Descriptors descriptors(caller, notification);
    const auto cgroup = descriptors.get(wanted.target_fd);
    const auto program = descriptors.get(wanted.attach_bpf_fd);
    base::Fd replaced;
    if ((wanted.attach_flags & BPF_F_REPLACE) != 0) replaced = descriptors.get(wanted.replace_bpf_fd);
    // A cgroup that was not given to the container can be seen in it, but not written.
    Opened ignored;
    as_caller(
        caller,
        [&](Opened&) {
            return ::syscall(SYS_faccessat2, cgroup.get(), "cgroup.procs", W_OK, AT_EACCESS) < 0 ? EPERM : 0;
        },
        ignored);

    bpf_attr attributes{};
    attributes.target_fd = static_cast<uint32_t>(cgroup.get());
    attributes.attach_bpf_fd = static_cast<uint32_t>(program.get());
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = wanted.attach_flags;
    if (replaced) attributes.replace_bpf_fd = static_cast<uint32_t>(replaced.get());
    if (bpf(command, attributes) < 0) throw CallError{errno};
    return 0;
}

} // namespace

int64_t intercepted_bpf(const Caller& caller, const Arguments& arguments, uint64_t notification) {
    const auto command = static_cast<int>(number_of(arguments.at(0)));
    const auto address = std::stoull(arguments.at(1));
    const auto size = std::stoull(arguments.at(2));
    if (!caller.has(CAP_SYS_ADMIN) && !caller.has(CAP_BPF)) throw CallError{EPERM};
    bpf_attr attributes{};
    if (size > sizeof attributes) throw GoOn();
    read_memory(address, &attributes, size);
    return command == BPF_PROG_LOAD ? load(attributes, notification)
                                    : attach(command, attributes, caller, notification);
}

} // namespace runner
