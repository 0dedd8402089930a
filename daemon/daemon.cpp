#include "daemon/daemon.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <grp.h>
#include <malloc.h>
#include <mutex>
#include <optional>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/bind.h"
#include "daemon/api/context.h"
#include "daemon/api/environment.h"
#include "daemon/base/host_facts.h"
#include "daemon/base/sd.h"
#include "daemon/folders.h"
#include "daemon/http/server.h"
#include "daemon/images/store.h"
#include "daemon/instance/device_host.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/state/database.h"
#include "schema/error.h"

namespace {

/// Threads at most; each is there only while it is busy.
constexpr size_t worker_limit = 512;

/// The end of the daemon, asked for by a signal or a request.
class End {
public:
    void ask(bool stop_instances) {
        const std::scoped_lock lock(mutex_);
        asked_ = true;
        stop_instances_ = stop_instances_ || stop_instances;
        changed_.notify_all();
    }
    /// Blocks; whether instances are to be stopped.
    bool wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return asked_; });
        return stop_instances_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool asked_ = false;
    bool stop_instances_ = false;
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
void listen(http::Server& server, const DaemonOptions& options) {
    auto inherited = base::inherited_sockets();
    if (inherited.empty())
        return server.listen_unix(http::bind_unix(options.paths.socket(), 0660, group_id(options.group)));
    for (auto& socket : inherited) server.listen_unix(std::move(socket));
}

} // namespace

int run_daemon(const DaemonOptions& options, const MakeRuntime& make_runtime) {
    // Two arenas are enough for us, and each costs memory in every daemon.
    ::mallopt(M_ARENA_MAX, 2);
    ::umask(0077);
    const auto signals = take_signals();
    const auto& paths = options.paths;
    make_folders(paths);
    base::Log log(options.log);
    const auto facts = base::detect_host_facts();

    state::Database database(paths.database());
    state::Profiles profiles(database);
    state::Images image_rows(database);
    state::Pools pool_rows(database);
    state::Instances instance_rows(database);
    state::ServerConfig server_config(database);
    insert_first_profiles(profiles);

    base::WorkerPool workers(worker_limit);
    base::EventLoop loop;
    operations::EventsHub events;
    log.set_listener([&events](const base::LogRecord& record) { events.logging(record); });
    operations::Registry operations(events, workers, loop);

    storage::Pools pools(paths, {pool_rows, image_rows, instance_rows, profiles}, log);
    pools.mount_all();
    images::ImageStore images(paths, image_rows, profiles, pools, log);
    images.clean_up();

    const auto runtime = make_runtime(paths);
    instance::Reporter reporter;
    instance::RealDeviceHost device_host(*runtime);
    instance::Registry instances(instance_rows, profiles);
    instances.load();
    instance::Lifecycle lifecycle({paths, facts, log, workers, loop, events, database, instance_rows, profiles, pools,
                                   instances, *runtime, reporter, device_host});
    lifecycle.adopt_all();

    End end;
    api::Environment environment(paths, facts, *runtime, pools);
    api::Context context{paths,
                         facts,
                         log,
                         workers,
                         loop,
                         events,
                         operations,
                         profiles,
                         server_config,
                         images,
                         pools,
                         instances,
                         lifecycle,
                         *runtime,
                         reporter,
                         [&environment] { return environment.block(); },
                         [&end](bool stop_instances) { end.ask(stop_instances); }};
    http::Server server({}, workers, api::bind(context));
    const auto watched = loop.watch(signals.get(), [&] {
        signalfd_siginfo info{};
        while (::read(signals.get(), &info, sizeof info) == sizeof info)
            if (info.ssi_signo != SIGHUP) end.ask(info.ssi_signo == SIGPWR);
    });
    listen(server, options);
    log.info("Daemon started", {{"path", paths.var}});
    base::notify_ready();
    workers.run([&lifecycle] { lifecycle.start_at_boot(); });

    if (end.wait()) lifecycle.stop_for_shutdown();
    log.info("Daemon stopping");
    loop.remove(watched);
    server.stop();
    return 0;
}
