#include "daemon/api/instance_view.h"

#include "daemon/devices/device.h"
#include "daemon/storage/pool.h"

namespace api {

namespace {

schema::Instance view(const instance::Record& record, schema::Status status) {
    schema::Instance shown;
    static_cast<schema::InstancePut&>(shown) = record.row.put;
    shown.name = record.row.name;
    shown.created_at = record.row.created_at;
    shown.last_used_at = record.row.last_used_at;
    shown.expanded_config = record.expanded_config;
    shown.expanded_devices = record.expanded_devices;
    shown.status = status;
    return shown;
}

/// Of the root, where its pool can tell; empty rather than a failure for a pool that is not there.
std::map<std::string, int64_t> disk_usage(Context& context, const instance::Record& record) {
    std::map<std::string, int64_t> usage;
    try {
        const auto root = devices::root_disk(record.expanded_devices);
        if (root.empty()) return usage;
        if (const auto bytes = context.pools.container_usage(record.row.pool, record.row.name)) usage[root] = *bytes;
    } catch (const std::exception&) { // what else there is to tell counts more
    }
    return usage;
}

} // namespace

schema::Instance instance_view(Context& context, const instance::Instance& instance) {
    return view(*instance.record(), context.lifecycle.status(instance));
}

schema::InstanceState instance_state(Context& context, const instance::Instance& instance) {
    const auto live = instance.live();
    schema::InstanceState state;
    if (live.running) state = context.reporter.state(live.running->init_pid);
    if (state.pid == 0)
        state.status = context.lifecycle.status(instance); // else it was asked with the rest
    else if (state.status == schema::Status::running && instance::is_ready(*instance.record()))
        state.status = schema::Status::ready;
    state.disk = disk_usage(context, *instance.record());
    return state;
}

KeptByInstance kept_by_instance(Context& context) {
    KeptByInstance kept;
    for (auto& snapshot : context.snapshots.list())
        if (!snapshot.incomplete) kept[snapshot.instance].snapshots.push_back(std::move(snapshot));
    for (auto& backup : context.backups.kept().list()) kept[backup.owner].backups.push_back(std::move(backup));
    return kept;
}

Kept kept_of(Context& context, const std::string& instance) {
    return {snapshots_of(context, instance), context.backups.kept().list(instance)};
}

std::vector<state::SnapshotRow> snapshots_of(Context& context, const std::string& instance) {
    auto snapshots = context.snapshots.list(instance);
    std::erase_if(snapshots, [](const auto& snapshot) { return snapshot.incomplete; });
    return snapshots;
}

schema::InstanceSnapshot snapshot_view(Context& context, const state::SnapshotRow& snapshot) {
    state::InstanceRow row;
    row.name = snapshot.instance;
    row.put = snapshot.put;
    const auto record = context.instances.expand(std::move(row));
    schema::InstanceSnapshot shown;
    shown.name = snapshot.name;
    shown.expires_at = snapshot.expires_at;
    shown.architecture = snapshot.put.architecture;
    shown.config = snapshot.put.config;
    shown.created_at = snapshot.created_at;
    shown.devices = snapshot.put.devices;
    shown.ephemeral = snapshot.put.ephemeral;
    shown.expanded_config = record.expanded_config;
    shown.expanded_devices = record.expanded_devices;
    shown.last_used_at = snapshot.last_used_at;
    shown.profiles = snapshot.put.profiles;
    shown.stateful = snapshot.put.stateful;
    return shown;
}

schema::Json full_instance_json(Context& context, const instance::Instance& instance, const Kept& kept) {
    const auto state = instance_state(context, instance);
    auto json = to_json(view(*instance.record(), state.status));
    schema::Json backups; // null where there are none
    if (!kept.backups.empty()) backups = schema::Json::empty_array();
    for (const auto& backup : kept.backups) backups.push_back(instance_backup_json(backup));
    schema::Json snapshots;
    if (!kept.snapshots.empty()) snapshots = schema::Json::empty_array();
    for (const auto& snapshot : kept.snapshots) snapshots.push_back(to_json(snapshot_view(context, snapshot)));
    json.set("backups", std::move(backups)).set("state", to_json(state)).set("snapshots", std::move(snapshots));
    return json;
}

schema::Json instance_writable(const instance::Record& record) {
    return to_json(record.row.put);
}

} // namespace api
