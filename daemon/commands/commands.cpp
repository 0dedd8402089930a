#include "daemon/commands/commands.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/fd.h"
#include "daemon/http/local_request.h"
#include "schema/api/server.h"
#include "schema/error.h"

namespace commands {

namespace {

using Clock = std::chrono::steady_clock;

/// Milliseconds left of a deadline for poll; -1 where there is none.
int left(Clock::time_point deadline) {
    if (deadline == Clock::time_point::max()) return -1;
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return rest < 0 ? 0 : static_cast<int>(rest);
}

Clock::time_point deadline_in(int seconds) {
    return seconds <= 0 ? Clock::time_point::max() : Clock::now() + std::chrono::seconds(seconds);
}

bool answers(const state::Paths& paths) {
    try {
        http::local_request(paths.socket(), "GET", "/internal/ready");
        return true;
    } catch (const std::system_error&) {
        return false;
    } catch (const schema::Error& error) {
        if (error.kind() == schema::ErrorKind::unavailable) return false;
        throw;
    }
}

/// The process that listens on the daemon's socket, as a pidfd.
base::Fd daemon_process(const state::Paths& paths) {
    const auto answer = http::local_request(paths.socket(), "GET", "/1.0");
    const auto pid = answer["environment"]["server_pid"].as_integer();
    return base::checked(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)), "daemon's process");
}

} // namespace

int version() {
    fmt::print("{}\n", schema::server_version);
    return 0;
}

int wait_ready(const state::Paths& paths, int timeout) {
    const auto deadline = deadline_in(timeout);
    // The daemon links its socket into place when it listens: the folder's events say when to ask again. The folder
    // itself may not be there yet, then its parent is watched.
    const auto events = base::checked(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "inotify");
    const auto watch = [&](const std::string& folder) {
        return ::inotify_add_watch(events.get(), folder.c_str(), IN_CREATE | IN_MOVED_TO | IN_ATTRIB) >= 0;
    };
    bool watching = watch(paths.var);
    if (!watching) watch(paths.var.substr(0, paths.var.rfind('/') + 1));
    while (!answers(paths)) {
        pollfd wait{events.get(), POLLIN, 0};
        if (::poll(&wait, 1, left(deadline)) == 0)
            throw schema::failure("Daemon still not running after {}s timeout", timeout);
        char buffer[4096];
        while (::read(events.get(), buffer, sizeof buffer) > 0) {
        }
        if (!watching) watching = watch(paths.var);
    }
    return 0;
}

int shut_down(const state::Paths& paths, int timeout, bool force) {
    const auto process = daemon_process(paths);
    http::local_request(paths.socket(), "PUT", fmt::format("/internal/shutdown?force={}", force ? "true" : "false"));
    pollfd wait{process.get(), POLLIN, 0};
    if (::poll(&wait, 1, left(deadline_in(timeout))) == 0)
        throw schema::failure("Daemon still running after {}s timeout", timeout);
    return 0;
}

} // namespace commands
