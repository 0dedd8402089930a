#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/commands/commands.h"
#include "daemon/http/local_request.h"
#include "daemon/instance/expand.h"
#include "daemon/state/database.h"
#include "daemon/state/instances.h"
#include "daemon/state/profiles.h"
#include "daemon/state/server_config.h"
#include "schema/error.h"
#include "schema/values.h"

namespace commands {

namespace {

schema::Config expanded_config(const state::InstanceRow& row, const state::Profiles& profiles) {
    std::vector<schema::ProfilePut> used;
    for (const auto& name : row.put.profiles)
        if (auto profile = profiles.find(name)) used.push_back(*std::move(profile));
    return instance::expanded(used, row.put.config, row.put.devices).config;
}

/// What runs has the power state of one that is to run.
bool needs_daemon(const schema::Config& config) {
    const auto& power = schema::get(config, "volatile.last_state.power");
    return power == "RUNNING" || power == "Running" || schema::is_true(schema::get(config, "boot.autostart")) ||
           !schema::get(config, "snapshots.schedule").empty();
}

bool is_needed(const state::Paths& paths) try {
    if (!base::exists(paths.database())) return false;
    state::Database database(paths.database(), state::Database::Access::read_only);
    if (!schema::get(state::ServerConfig(database).get(), "core.https_address").empty()) return true;
    const state::Profiles profiles(database);
    for (const auto& row : state::Instances(database).list())
        if (needs_daemon(expanded_config(row, profiles))) return true;
    return false;
} catch (const schema::Error&) {
    // An older version's tables, which the daemon will bring up to date.
    return true;
}

} // namespace

int activate_if_needed(const state::Paths& paths) {
    if (::geteuid() != 0) throw schema::bad_request("This must be run as root");
    // Whoever holds the socket for the daemon starts it at the first request.
    if (is_needed(paths)) http::local_request(paths.socket(), "GET", "/1.0");
    return 0;
}

} // namespace commands
