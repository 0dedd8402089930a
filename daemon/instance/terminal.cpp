#include "daemon/instance/terminal.h"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/files.h"

namespace instance {

namespace {

constexpr int flags = O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK;
constexpr gid_t tty_group = 5;

bool is_ptmx(int fd) {
    struct stat status{};
    return ::fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) == 5 &&
           minor(status.st_rdev) == 2;
}

/// The slave's end of a pseudo terminal.
bool is_pty(int fd) {
    struct stat status{};
    return ::fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) >= 136 &&
           major(status.st_rdev) <= 143;
}

base::Fd container_root(pid_t init_pid) {
    return base::checked(::open(fmt::format("/proc/{}/root", init_pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC),
                         "container root");
}

/// The container's multiplexer. What stands at that path is the container's choice: it is resolved inside its root and
/// believed only when it is the real device.
base::Fd open_container_ptmx(pid_t init_pid) {
    try {
        const auto root = container_root(init_pid);
        auto ptmx = base::open_in_root(root.get(), "/dev/pts/ptmx", flags);
        return is_ptmx(ptmx.get()) ? std::move(ptmx) : base::Fd();
    } catch (const std::system_error&) {
        return {};
    }
}

/// The host's id of id 0 inside, from the first line of a map ("0 100000 65536"); 0 where there is no map.
uint32_t host_id_of_root(pid_t init_pid, const char* map) {
    const auto text = base::read_file_if_exists(fmt::format("/proc/{}/{}", init_pid, map)).value_or("");
    uint32_t inside = 0;
    uint32_t outside = 0;
    const auto* at = text.data();
    const auto* end = at + text.size();
    const auto number = [&](uint32_t& value) {
        while (at != end && *at == ' ') ++at;
        at = std::from_chars(at, end, value).ptr;
    };
    number(inside);
    number(outside);
    return inside == 0 ? outside : 0;
}

} // namespace

Terminal open_terminal(pid_t init_pid) {
    auto master = open_container_ptmx(init_pid);
    if (!master) master = base::checked(::open("/dev/ptmx", flags), "open /dev/ptmx");
    int unlock = 0;
    if (::ioctl(master.get(), TIOCSPTLCK, &unlock) < 0)
        throw std::system_error(errno, std::generic_category(), "unlock the terminal");
    auto slave = base::checked(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "open the terminal");
    const auto root = host_id_of_root(init_pid, "uid_map");
    const auto group = host_id_of_root(init_pid, "gid_map");
    if (::fchown(slave.get(), root, group + tty_group) < 0)
        throw std::system_error(errno, std::generic_category(), "give the terminal to the container");
    return {std::move(master), std::move(slave)};
}

void resize_console(pid_t init_pid, int width, int height) {
    try {
        const auto root = container_root(init_pid);
        const auto seen = base::open_in_root(root.get(), "/dev/console", O_PATH | O_CLOEXEC);
        if (!is_pty(seen.get())) return;
        const base::Fd console(::open(fmt::format("/proc/self/fd/{}", seen.get()).c_str(), flags));
        if (console) resize_terminal(console.get(), width, height);
    } catch (const std::system_error&) { // A container may do without one.
    }
}

void resize_terminal(int master, int width, int height) {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(width);
    size.ws_row = static_cast<unsigned short>(height);
    ::ioctl(master, TIOCSWINSZ, &size);
}

} // namespace instance
