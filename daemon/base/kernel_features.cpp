#include "daemon/base/kernel_features.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <future>
#include <thread>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/base/fd.h"

namespace base {

namespace {

/// An invalid user namespace is refused with EBADF by a kernel that knows id-mapped mounts, with EINVAL by others.
bool knows_idmapped_mounts() {
    const Fd tree(static_cast<int>(syscall(SYS_open_tree, -1, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    const Fd no_namespace(open("/dev/null", O_PATH | O_CLOEXEC));
    if (!tree || !no_namespace) return false;
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<uint64_t>(no_namespace.get());
    return syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0 &&
           errno == EBADF;
}

bool knows_filesystem(const char* type) {
    const Fd context(static_cast<int>(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)));
    return static_cast<bool>(context);
}

/// File capabilities that hold in one user namespace only (version 3, with a root id).
bool knows_namespaced_capabilities() {
    const Fd file(memfd_create("capabilities", MFD_CLOEXEC));
    vfs_ns_cap_data data{};
    data.magic_etc = VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE;
    data.data[0].permitted = 1U << CAP_NET_RAW;
    data.rootid = 1000;
    return file && fsetxattr(file.get(), "security.capability", &data, sizeof data, 0) == 0;
}

bool knows_core_scheduling() {
    uint64_t cookie = 0;
    return prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, PR_SCHED_CORE_SCOPE_THREAD, 0) == 0 &&
           prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, 0, PR_SCHED_CORE_SCOPE_THREAD, &cookie) == 0 && cookie != 0;
}

/// Addresses of another namespace can be asked for by its id: came together with strict checking of requests.
bool knows_strict_netlink() {
    const Fd socket_fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    const int on = 1;
    return socket_fd && setsockopt(socket_fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on) == 0;
}

/// Kernels before 4.18 have nobody at the other end of this socket.
bool takes_uevents() {
    const Fd socket_fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT));
    if (!socket_fd) return false;
    struct {
        nlmsghdr header{};
        char text[8] = "probe";
    } message;
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = 16; // the first type that is not netlink's own
    message.header.nlmsg_flags = NLM_F_REQUEST;
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    return sendto(socket_fd.get(), &message, sizeof message, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) >
           0;
}

bool knows_seccomp_listener() {
    const uint32_t action = SECCOMP_RET_USER_NOTIF;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/// Puts a filter on this thread that sends every dup() to the listener that it returns.
int trap_dup() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD + BPF_W + BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP + BPF_JEQ + BPF_K, SYS_dup, 0, 1),
        BPF_STMT(BPF_RET + BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET + BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{4, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter));
}

/// Lets the trapped call go on; false where the kernel does not take that for an answer.
bool let_continue(int listener) {
    pollfd ready{listener, POLLIN, 0};
    if (poll(&ready, 1, 2000) <= 0) return false;
    seccomp_notif request{};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) return false;
    seccomp_notif_resp response{};
    response.id = request.id;
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0;
}

bool listener_can_continue() {
    std::promise<int> listening;
    std::thread trapped([&] {
        const int listener = trap_dup();
        listening.set_value(listener);
        if (listener >= 0) Fd(static_cast<int>(syscall(SYS_dup, STDIN_FILENO)));
    });
    Fd listener(listening.get_future().get());
    const bool continued = listener && let_continue(listener.get());
    listener.reset(); // an unanswered call fails now instead of hanging
    trapped.join();
    return continued;
}

/// What must not touch the daemon's own namespaces or threads.
void probe_apart(KernelFeatures& found) {
    if (unshare(CLONE_NEWNET) == 0) {
        found.features["netnsid_getifaddrs"] = knows_strict_netlink();
        found.features["uevent_injection"] = takes_uevents();
    }
    found.core_scheduling = knows_core_scheduling();
}

} // namespace

KernelFeatures probe_kernel() {
    KernelFeatures found;
    found.features = {
        {"idmapped_mounts", knows_idmapped_mounts()},       {"netnsid_getifaddrs", false},
        {"seccomp_listener", knows_seccomp_listener()},     {"seccomp_listener_continue", false},
        {"shiftfs", knows_filesystem("shiftfs")},           {"uevent_injection", false},
        {"unpriv_fscaps", knows_namespaced_capabilities()},
    };
    if (found.features["seccomp_listener"]) found.features["seccomp_listener_continue"] = listener_can_continue();
    std::thread(probe_apart, std::ref(found)).join();
    return found;
}

} // namespace base
