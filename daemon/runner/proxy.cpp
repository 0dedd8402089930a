#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/fd_passing.h"
#include "daemon/runner/proxy_listener.h"
#include "daemon/runner/proxy_relay.h"
#include "daemon/runner/verbs.h"

namespace runner {

namespace {

constexpr int init_pidfd = 3;

void check(int result, const std::string& what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

struct Order {
    std::string hold;
    RelayOrder relay;
    bool inside = false; // listens in the container and connects on the host
    SocketOwner owner;
    uid_t security_uid = 0;
    gid_t security_gid = 0;
};

uint32_t number(const std::string& text, int base) {
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) throw std::invalid_argument("proxy: " + text);
    return value;
}

Order order_of(const Arguments& arguments) {
    if (arguments.size() < 3) throw std::invalid_argument("proxy: expected HOLD LISTEN CONNECT and words");
    Order order;
    order.hold = arguments[0];
    order.relay.listen = schema::parse_proxy_address(arguments[1]);
    order.relay.connect = schema::parse_proxy_address(arguments[2]);
    for (size_t index = 3; index < arguments.size(); ++index) {
        const auto& word = arguments[index];
        const auto equals = word.find('=');
        const auto key = word.substr(0, equals);
        const auto value = equals == std::string::npos ? std::string() : word.substr(equals + 1);
        if (key == "inside") order.inside = true;
        if (key == "proxy-protocol") order.relay.proxy_protocol = true;
        if (key == "uid") order.owner.uid = number(value, 10);
        if (key == "gid") order.owner.gid = number(value, 10);
        if (key == "mode") order.owner.mode = number(value, 8);
        if (key == "security-uid") order.security_uid = number(value, 10);
        if (key == "security-gid") order.security_gid = number(value, 10);
    }
    return order;
}

/// As root of its user namespace; its files only where `files`.
void enter(bool files) {
    const bool users = ::setns(init_pidfd, CLONE_NEWUSER) == 0;
    if (!users && errno != EINVAL) check(-1, "Failed joining the container's user namespace");
    check(::setns(init_pidfd, CLONE_NEWNET), "Failed joining the container's network namespace");
    if (files) check(::setns(init_pidfd, CLONE_NEWNS), "Failed joining the container's mount namespace");
    if (!users) return;
    if (::setgroups(0, nullptr) < 0 && errno != EPERM) check(-1, "Failed dropping groups");
    check(::setresgid(0, 0, 0), "Failed becoming the container's root group");
    check(::setresuid(0, 0, 0), "Failed becoming the container's root");
}

/// The socket's folder, to take the socket away again wherever we are by then.
base::Fd folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    const auto folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    return base::Fd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

struct Listening {
    std::vector<base::Fd> sockets;
    base::Fd folder; // of a socket with a path
};

Listening listen(const Order& order) {
    Listening listening;
    ::umask(0177); // until it is given to its owner
    listening.sockets = listen_on(order.relay.listen, order.owner, order.inside);
    if (order.relay.listen.is_path()) listening.folder = folder_of(order.relay.listen.address);
    return listening;
}

void send_fd(int socket, int fd) {
    constexpr char nothing = 0; // a packet of no bytes would be the end
    check(static_cast<int>(base::send_with_fds(socket, {&nothing, 1}, {fd})), "sendmsg");
}

/// A descriptor, nothing at the end, or the failure that the other side tells.
base::Fd receive_fd(int socket) {
    char text[4096];
    std::vector<base::Fd> fds;
    const auto size = base::receive_with_fds(socket, text, sizeof text, fds);
    check(static_cast<int>(size), "recvmsg");
    if (fds.empty() && size > 0) throw std::runtime_error(std::string(text, static_cast<size_t>(size)));
    return fds.empty() ? base::Fd() : std::move(fds.front());
}

/// A process that enters the container can never leave it again: another one makes the sockets there.
Listening listen_inside(const Order& order) {
    int ends[2];
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "socketpair");
    const base::Fd here(ends[0]);
    base::Fd there(ends[1]);
    const auto helper = ::fork();
    check(helper, "fork");
    if (helper == 0) {
        try {
            enter(order.relay.listen.is_path());
            const auto listening = listen(order);
            for (const auto& socket : listening.sockets) send_fd(there.get(), socket.get());
            if (listening.folder) send_fd(there.get(), listening.folder.get());
        } catch (const std::exception& error) {
            (void)::send(there.get(), error.what(), std::strlen(error.what()), MSG_NOSIGNAL);
        }
        ::_exit(0);
    }
    there.reset();
    Listening listening;
    while (auto fd = receive_fd(here.get())) listening.sockets.push_back(std::move(fd));
    ::waitpid(helper, nullptr, 0);
    if (order.relay.listen.is_path() && listening.sockets.size() > 1) {
        listening.folder = std::move(listening.sockets.back());
        listening.sockets.pop_back();
    }
    return listening;
}

/// For as long as this process lives: whoever sees the lock sees the pid. The descriptor stays open with it.
void hold(const std::string& file) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct flock lock{};
    lock.l_type = F_WRLCK;
    if (fd < 0 || ::fcntl(fd, F_SETLK, &lock) < 0)
        throw std::system_error(errno, std::generic_category(), "lock " + file);
}

void allow_many_files() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    constexpr rlim_t wanted = 1 << 20;
    rlimit raised{std::max(limit.rlim_cur, wanted), std::max(limit.rlim_max, wanted)};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) return;
    raised.rlim_cur = raised.rlim_max = limit.rlim_max; // fs.nr_open is less, or we are not the host's root
    ::setrlimit(RLIMIT_NOFILE, &raised);
}

void drop_privileges(const Order& order) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (order.security_uid == 0 && order.security_gid == 0) return;
    if (::setgroups(0, nullptr) < 0 && errno != EPERM) check(-1, "Failed dropping groups");
    const auto what = "Failed to switch to uid " + std::to_string(order.security_uid) + " and gid " +
                      std::to_string(order.security_gid);
    check(::setresgid(order.security_gid, order.security_gid, order.security_gid), what);
    check(::setresuid(order.security_uid, order.security_uid, order.security_uid), what);
}

base::Fd termination() {
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    check(::sigprocmask(SIG_BLOCK, &signals, nullptr), "sigprocmask");
    return base::checked(::signalfd(-1, &signals, SFD_CLOEXEC), "signalfd");
}

void remove_socket(const base::Fd& folder, const std::string& path) {
    const auto name = path.substr(path.rfind('/') + 1);
    struct stat status{};
    if (folder && ::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(status.st_mode))
        ::unlinkat(folder.get(), name.c_str(), 0);
}

/// Returns when the container or the proxy is to end; closes `ready` once it serves.
void serve(const Order& order, base::Fd& ready) {
    hold(order.hold);
    allow_many_files();
    const auto terminate = termination();
    const auto null = base::checked(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
    auto listening = order.inside ? listen_inside(order) : listen(order);
    if (!order.inside) enter(order.relay.connect.is_path());
    for (int standard = 0; standard < 3; ++standard) ::dup2(null.get(), standard);
    drop_privileges(order);
    ready.reset();
    relay(order.relay, std::move(listening.sockets), {terminate.get(), init_pidfd});
    remove_socket(listening.folder, order.relay.listen.address);
}

} // namespace

int proxy(const Arguments& arguments) {
    const auto order = order_of(arguments);
    auto report = base::make_pipe();
    const auto server = ::fork();
    check(server, "fork");
    if (server == 0) {
        report.read_end.reset();
        ::setsid();
        try {
            serve(order, report.write_end);
        } catch (const std::exception& error) {
            if (report.write_end) base::write_all(report.write_end.get(), error.what());
        }
        ::_exit(0);
    }
    report.write_end.reset();
    const auto failure = base::read_to_end(report.read_end.get());
    if (failure.empty()) return 0;
    ::waitpid(server, nullptr, 0);
    throw std::runtime_error(failure);
}

} // namespace runner
