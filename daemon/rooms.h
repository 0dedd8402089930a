#pragma once
// All rooms of the daemon, built in order and taken down in reverse. daemon.cpp serves them over sockets; API tests
// call the handler directly, over a runtime of their own.

#include <functional>
#include <memory>
#include <optional>

#include "daemon/api/context.h"
#include "daemon/api/environment.h"
#include "daemon/base/cgroup_moves.h"
#include "daemon/base/event_loop.h"
#include "daemon/base/every.h"
#include "daemon/base/host_facts.h"
#include "daemon/base/log.h"
#include "daemon/base/worker_pool.h"
#include "daemon/daemon.h"
#include "daemon/images/store.h"
#include "daemon/instance/backups.h"
#include "daemon/instance/device_host.h"
#include "daemon/instance/id_claims.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/registry.h"
#include "daemon/instance/report.h"
#include "daemon/instance/snapshot_schedule.h"
#include "daemon/instance/volume_schedule.h"
#include "daemon/instance/volume_users.h"
#include "daemon/intercept/server.h"
#include "daemon/operations/events.h"
#include "daemon/operations/operation.h"
#include "daemon/state/database.h"
#include "daemon/state/images.h"
#include "daemon/state/instances.h"
#include "daemon/state/pools.h"
#include "daemon/state/profiles.h"
#include "daemon/state/server_config.h"
#include "daemon/state/snapshots.h"
#include "daemon/state/volumes.h"
#include "daemon/storage/daemon_folder.h"
#include "daemon/storage/daemon_storage.h"
#include "daemon/storage/pool.h"
#include "daemon/storage/volume_backups.h"
#include "daemon/storage/volumes.h"

struct Rooms {
    /// Opens the database, mounts the pools and takes over what runs: afterwards requests can be served. `shut_down` is
    /// called when a client asks for the daemon's end (Context::shut_down).
    Rooms(const DaemonOptions& options, const MakeRuntime& make_runtime, std::function<bool(bool)> shut_down);
    ~Rooms();
    Rooms(const Rooms&) = delete;
    Rooms& operator=(const Rooms&) = delete;

    // Members are built in this order; each may refer to those above it.
    state::Paths paths;
    base::Log log;
    base::HostFacts facts;
    state::Database database;
    state::Profiles profiles;
    state::Images image_rows;
    state::Pools pool_rows;
    state::Instances instance_rows;
    state::Snapshots snapshot_rows;
    state::Volumes volume_rows;
    state::ServerConfig server_config;
    operations::EventsHub events;
    std::unique_ptr<instance::Runtime> runtime;
    instance::Reporter reporter;
    instance::RealDeviceHost device_host;
    storage::Pools pools;
    storage::Volumes volumes;
    storage::DaemonFolder images_folder;
    storage::DaemonFolder backups_folder;
    storage::VolumeBackups volume_backups;
    images::ImageStore images;
    instance::Registry instances;
    instance::VolumeUsers volume_users;
    instance::IdClaims id_claims;
    instance::FileSessions file_sessions;
    instance::GuestEvents guest_events;
    api::Environment environment;
    base::EventLoop loop;
    base::CgroupMoves cgroup_moves;
    instance::Lifecycle lifecycle;
    instance::Backups backups;
    storage::DaemonStorage daemon_storage;
    intercept::Server interception;
    base::WorkerPool workers; // its threads use all of the above: they go first
    operations::Registry operations;
    std::optional<base::Every> daily; // housekeeping
    std::optional<base::Every> hourly_backups;
    std::optional<instance::SnapshotSchedule> snapshot_schedule;
    std::optional<instance::VolumeSchedule> volume_schedule;
    std::optional<base::Every> retries;
    std::optional<base::Every> minutely; // more often, so that no minute is missed
    api::Context context;

private:
    void start_housekeeping();
    /// What a crash left of backups.
    void clean_backups();
    void expire_backups();
    void expire_backups(storage::KeptBackups& kept, const char* description);
    /// Pools that were unavailable may be there now, a disk that was full may have space.
    void retry();
    void start_interception();
    /// What is configured for the container that a system call comes from.
    std::optional<intercept::Settings> interception_settings(const std::string& name) const;
};
