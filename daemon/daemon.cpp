#include "daemon/daemon.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <grp.h>
#include <malloc.h>
#include <mutex>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/bind.h"
#include "daemon/api/guest/callers.h"
#include "daemon/api/guest/guest.h"
#include "daemon/base/cancel.h"
#include "daemon/base/sd.h"
#include "daemon/http/server.h"
#include "daemon/instance/guest_folder.h"
#include "daemon/instance/missing_controllers.h"
#include "daemon/rooms.h"
#include "schema/error.h"
#include "schema/values.h"

namespace {

/// The end of the daemon, asked for by a signal or a request.
class End {
public:
    /// False where the instances were to be stopped already, and with no less force.
    bool ask(bool stop_instances, bool force) {
        const std::scoped_lock lock(mutex_);
        const bool fresh = !stop_instances || !stop_instances_ || (force && !forced_.cancelled());
        asked_ = true;
        stop_instances_ = stop_instances_ || stop_instances;
        if (force) forced_.cancel();
        changed_.notify_all();
        return fresh;
    }
    /// Blocks; whether instances are to be stopped.
    bool wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return asked_; });
        return stop_instances_;
    }
    /// Cancelled once nothing is to be waited for.
    const base::CancelToken& forced() const { return forced_; }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool asked_ = false;
    bool stop_instances_ = false;
    base::CancelToken forced_;
};

/// Blocks the signals that end the daemon in every thread to come; they are read from the descriptor.
base::Fd take_signals() {
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    for (const auto number : {SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGHUP}) sigaddset(&set, number);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return base::checked(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
}

int group_id(const std::string& name) {
    if (name.empty()) return -1;
    const auto* entry = ::getgrnam(name.c_str()); // NOLINT(concurrency-mt-unsafe): before any thread
    if (entry == nullptr) throw schema::bad_request("Group {:?} does not exist", name);
    return static_cast<int>(entry->gr_gid);
}

/// Sockets of the service manager if there are any, our own otherwise.
std::vector<base::Fd> sockets(const DaemonOptions& options) {
    auto found = base::inherited_sockets();
    if (found.empty()) found.push_back(http::bind_unix(options.paths.socket(), 0660, group_id(options.group)));
    return found;
}

void await_operations(Rooms& rooms, const base::CancelToken& forced) {
    const auto config = rooms.server_config.get();
    const auto& text = schema::get(config, "core.shutdown_timeout");
    const auto minutes = std::clamp<int64_t>(schema::parse_integer(text).value_or(5), 0, 60L * 24 * 365);
    if (const auto running = rooms.operations.running(); running > 0 && !forced.cancelled())
        rooms.log.info(fmt::format("Waiting for {} operation(s) to finish", running));
    rooms.operations.drain(std::chrono::minutes(minutes), forced);
}

} // namespace

int run_daemon(const DaemonOptions& options, const MakeRuntime& make_runtime) {
    // Two arenas are enough for us, and each costs memory in every daemon.
    ::mallopt(M_ARENA_MAX, 2);
    ::umask(0077);
    const auto signals = take_signals();

    End end;
    Rooms rooms(options, make_runtime, [&end](bool force) { return end.ask(true, force); });
    http::Server server({}, rooms.workers, api::bind(rooms.context));
    // Containers have threads and connections of their own, so that they take none from others.
    base::WorkerPool guest_workers(schema::limits::guest_workers.value);
    http::Server guests(api::guest_options(), guest_workers, api::bind_guest(rooms.context));
    const auto watched = rooms.loop.watch(signals.get(), [&] {
        signalfd_siginfo info{};
        while (::read(signals.get(), &info, sizeof info) == sizeof info)
            if (info.ssi_signo != SIGHUP) end.ask(info.ssi_signo == SIGPWR, false);
    });
    for (auto& socket : sockets(options)) server.listen_unix(std::move(socket));
    for (const auto& missing : instance::missing_controllers(rooms.facts.cgroup)) rooms.log.warning(missing);
    guests.listen_unix(http::bind_unix(instance::guest_socket(rooms.paths), 0666, -1), api::identify_guest);
    rooms.log.info("Daemon started", {{"path", rooms.paths.var}});
    base::notify_ready();
    rooms.workers.run([&rooms] { rooms.lifecycle.start_at_boot(); });

    const bool stops_instances = end.wait();
    if (stops_instances) {
        await_operations(rooms, end.forced());
        rooms.lifecycle.stop_for_shutdown();
    }
    rooms.log.info("Daemon stopping");
    rooms.loop.remove(watched);
    server.stop();
    guests.stop();
    if (stops_instances) {
        rooms.daemon_storage.end();
        rooms.pools.unmount_at_the_end();
    }
    return 0;
}
