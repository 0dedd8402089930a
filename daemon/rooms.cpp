#include "daemon/rooms.h"

#include "daemon/folders.h"
#include "daemon/images/expiry.h"
#include "daemon/instance/log_expiry.h"
#include "schema/keys/syscalls.h"
#include "schema/limits.h"
#include "schema/values.h"

namespace {

/// The folders have to be there before anything is opened in them.
state::Paths with_folders(const state::Paths& paths) {
    make_folders(paths);
    return paths;
}

} // namespace

void Rooms::start_housekeeping() {
    operations::Spec spec;
    spec.description = "Expiring log files";
    spec.run = [this](operations::Operation& operation) {
        std::set<std::string> names;
        for (const auto& instance : instances.list()) names.insert(instance->record()->row.name);
        instance::expire_logs(paths.log, names, std::chrono::system_clock::now(), operation.cancel_token());
    };
    operations.start(std::move(spec));
    operations.start(images::expiry(images, server_config, events));
}

void Rooms::clean_backups() {
    storage::remove_backup_uploads(backups_folder.path());
    backups.kept().clean_up();
    volume_backups.kept().clean_up();
}

void Rooms::expire_backups() {
    expire_backups(backups.kept(), "Cleaning up expired instance backups");
    expire_backups(volume_backups.kept(), "Cleaning up expired volume backups");
}

void Rooms::expire_backups(storage::KeptBackups& kept, const char* description) {
    if (!kept.has_expired(std::chrono::system_clock::now())) return;
    operations::Spec spec;
    spec.description = description;
    spec.run = [this, &kept](operations::Operation&) {
        for (const auto& name : kept.remove_expired(std::chrono::system_clock::now()))
            log.info("Removed an expired backup", {{"backup", name}});
    };
    operations.start(std::move(spec));
}

void Rooms::retry() {
    if (lifecycle.has_moves_to_complete()) lifecycle.complete_moves();
    if (pools.has_missing()) {
        for (const auto& pool : pools.mount_missing()) {
            volumes.repair_all(pool);
            lifecycle.pool_came_back(pool);
        }
    }
    if (daemon_storage.has_closed()) daemon_storage.open_all();
}

void Rooms::start_interception() {
    try {
        interception.start(paths.seccomp_socket());
    } catch (const std::exception& error) {
        // Instances that need it cannot be started; all others can.
        log.error("Failed listening for intercepted system calls", {{"err", error.what()}});
    }
}

std::optional<intercept::Settings> Rooms::interception_settings(const std::string& name) const {
    const auto instance = instances.find(name);
    if (!instance) return std::nullopt;
    const auto record = instance->record();
    const auto& config = record->expanded_config;
    return intercept::Settings{name, schema::mountable_filesystems(config),
                               schema::is_true(schema::syscall_key(config, "intercept.mount.shift")),
                               schema::is_true(schema::syscall_key(config, "intercept.bpf.devices"))};
}

Rooms::Rooms(const DaemonOptions& options, const MakeRuntime& make_runtime, std::function<bool(bool)> shut_down)
    : paths(with_folders(options.paths)), log(options.log), facts(base::detect_host_facts()),
      database(paths.database()), profiles(database), image_rows(database), pool_rows(database),
      instance_rows(database), snapshot_rows(database), volume_rows(database), server_config(database),
      runtime(make_runtime(paths)), device_host(*runtime, facts, volume_users),
      pools(paths, {pool_rows, image_rows, instance_rows, snapshot_rows, profiles, volume_rows}, log),
      volumes(pools, {volume_rows, instance_rows, snapshot_rows, image_rows, profiles, server_config}, log),
      images_folder(paths.images()), backups_folder(paths.backups()),
      volume_backups({backups_folder, database, pools, volumes}),
      images(images_folder, image_rows, profiles, pools, log), instances(instance_rows, profiles),
      volume_users(volumes, instances, instance_rows, device_host), id_claims(instances),
      environment(paths, facts, *runtime, pools), cgroup_moves(workers),
      lifecycle({paths,    facts,         log,           workers,   cgroup_moves, loop,          events,
                 database, instance_rows, snapshot_rows, profiles,  pools,        instances,     *runtime,
                 reporter, device_host,   file_sessions, id_claims, guest_events, backups_folder}),
      backups({backups_folder, log, database, profiles, pools, instances, lifecycle}),
      daemon_storage(
          {server_config, pools, volumes, log},
          {{"storage.images_volume", images_folder, {}, [this] { images.clean_up(); }},
           {"storage.backups_volume", backups_folder, {"custom", "instances"}, [this] { clean_backups(); }}}),
      interception({loop, workers, log, [this](const std::string& name) { return interception_settings(name); },
                    [this](std::vector<std::string> call, std::vector<std::pair<int, int>> fds) {
                        return runtime->spawn_interception(std::move(call), std::move(fds));
                    }}),
      // Each thread is there only while it is busy. A command with its streams takes six, and they wait for one
      // another: the limit is far beyond what one host's clients start at once.
      workers(schema::limits::workers.value), operations(events, log, workers, loop),
      context{paths,
              facts,
              log,
              workers,
              loop,
              events,
              database,
              operations,
              profiles,
              snapshot_rows,
              server_config,
              images,
              pools,
              volumes,
              volume_backups,
              daemon_storage,
              instances,
              volume_users,
              lifecycle,
              backups,
              *runtime,
              reporter,
              file_sessions,
              guest_events,
              [this] { return environment.block(); },
              std::move(shut_down)} {
    log.set_listener([this](const base::LogRecord& record) { events.logging(record); },
                     [this](base::LogLevel level) { return events.listens_to_log(level); });
    insert_first_profiles(profiles);
    pools.mount_all();
    volumes.repair_all();
    daemon_storage.open_all();
    instances.load();
    lifecycle.adopt_all();
    start_interception();
    // Last: it needs all of them, the instances too, whose logs are no strangers'.
    daily.emplace(loop, std::chrono::hours(24), [this] { start_housekeeping(); });
    hourly_backups.emplace(loop, std::chrono::hours(1), [this] { expire_backups(); });
    snapshot_schedule.emplace(instances, snapshot_rows, lifecycle, log, std::chrono::system_clock::now());
    volume_schedule.emplace(volumes, events, log, std::chrono::system_clock::now());
    retries.emplace(loop, std::chrono::seconds(10), [this] {
        if (pools.has_missing() || lifecycle.has_moves_to_complete() || daemon_storage.has_closed())
            workers.run([this] { retry(); });
    });
    minutely.emplace(loop, std::chrono::seconds(20), [this] {
        const auto now = std::chrono::system_clock::now();
        for (auto& spec : snapshot_schedule->due(now)) operations.start(std::move(spec));
        for (auto& spec : volume_schedule->due(now)) operations.start(std::move(spec));
    });
}

/// The loop's callbacks start work and the work adds watches: the one is stopped before the other is waited for. Nobody
/// is told then of a container that stops, so nobody may wait for it.
Rooms::~Rooms() {
    lifecycle.abandon_waits();
    loop.stop();
    interception.stop();
}
