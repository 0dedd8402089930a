#pragma once
// What handlers work with: references to the rooms, built once by daemon.cpp, and the values a request stands for.

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "daemon/base/host_facts.h"
#include "daemon/base/log.h"
#include "daemon/http/message.h"
#include "daemon/images/store.h"
#include "daemon/instance/backups.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/registry.h"
#include "daemon/instance/report.h"
#include "daemon/instance/volume_users.h"
#include "daemon/operations/events.h"
#include "daemon/operations/operation.h"
#include "daemon/state/database.h"
#include "daemon/state/paths.h"
#include "daemon/state/profiles.h"
#include "daemon/state/server_config.h"
#include "daemon/state/snapshots.h"
#include "daemon/storage/daemon_storage.h"
#include "daemon/storage/pool.h"
#include "daemon/storage/volume_backups.h"
#include "daemon/storage/volumes.h"
#include "schema/api/server.h"

namespace api {

struct Context {
    const state::Paths& paths;
    const base::HostFacts& facts;
    base::Log& log;
    base::WorkerPool& workers;
    base::EventLoop& loop;
    operations::EventsHub& events;
    state::Database& database;
    operations::Registry& operations;
    state::Profiles& profiles;
    state::Snapshots& snapshots;
    state::ServerConfig& server_config;
    images::ImageStore& images;
    storage::Pools& pools;
    storage::Volumes& volumes;
    storage::VolumeBackups& volume_backups;
    storage::DaemonStorage& daemon_storage;
    instance::Registry& instances;
    instance::VolumeUsers& volume_users;
    instance::Lifecycle& lifecycle;
    instance::Backups& backups;
    instance::Runtime& runtime;
    instance::Reporter& reporter;
    instance::FileSessions& file_sessions;
    instance::GuestEvents& guest_events;
    /// The environment block of GET /1.0, as it is now.
    std::function<schema::ServerEnvironment()> environment;
    /// Asks the daemon to stop the instances and end, by force without waiting for operations. False where that was
    /// asked for before and this does not hasten it.
    std::function<bool(bool force)> shut_down;
};

/// Whoever reaches the unix socket; over TLS nobody is trusted until certificates can be.
bool is_trusted(const http::Request& request);
/// Who asks, for events and operations.
schema::Requestor requestor(const http::Request& request);
/// The body as JSON; throws bad_request, and too_large for one past the buffer limit.
schema::Json json_body(const http::Request& request);
/// The `recursion` parameter; 0 where it is missing or no number.
int recursion(const http::Request& request);
/// The last part of a route's argument: throws bad_request where it is empty.
const std::string& argument(const http::Request& request, const std::string& name);

} // namespace api
