#include "daemon/base/pid_namespace.h"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace base {

namespace {

/// Since Linux 6.5; glibc's headers are older.
constexpr int peer_pidfd_option = 77;

std::string path_of(pid_t process) {
    return "/proc/" + std::to_string(process) + "/ns/pid";
}

std::optional<ucred> credentials_of(int socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0 || credentials.pid <= 0) return {};
    return credentials;
}

/// Of the very process that connected, where the kernel can tell; an older one's number may be another's by now, if all
/// numbers have been used since it connected.
Fd pidfd_of_peer(int socket, pid_t process) {
    int pidfd = -1;
    socklen_t size = sizeof pidfd;
    if (::getsockopt(socket, SOL_SOCKET, peer_pidfd_option, &pidfd, &size) == 0) return Fd(pidfd);
    if (errno != ENOPROTOOPT) return {};
    return Fd(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
}

/// While the process is there, its number is its own.
bool is_alive(const Fd& pidfd) {
    return ::syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) == 0 || errno == EPERM;
}

} // namespace

uint64_t namespace_id(const Fd& name_space) {
    struct stat info{};
    return ::fstat(name_space.get(), &info) == 0 ? info.st_ino : 0;
}

uint64_t pid_namespace_id(pid_t process) {
    struct stat info{};
    return ::stat(path_of(process).c_str(), &info) == 0 ? info.st_ino : 0;
}

Fd peer_pid_namespace(int socket) {
    const auto credentials = credentials_of(socket);
    if (!credentials) return {};
    const auto pidfd = pidfd_of_peer(socket, credentials->pid);
    Fd place(::open(path_of(credentials->pid).c_str(), O_RDONLY | O_CLOEXEC));
    if (!pidfd || !place || !is_alive(pidfd)) return {};
    const auto ours = pid_namespace_id(::getpid());
    if (ours == 0 || namespace_id(place) == ours) return {};
    while (true) {
        Fd parent(::ioctl(place.get(), NS_GET_PARENT));
        if (!parent) return {}; // not below ours
        if (namespace_id(parent) == ours) return place;
        place = std::move(parent);
    }
}

} // namespace base
