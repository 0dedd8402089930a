#include "daemon/api/instance_view.h"

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
    state.disk.emplace(); // the dir driver has no usage to tell
    return state;
}

schema::Json full_instance_json(Context& context, const instance::Instance& instance) {
    const auto state = instance_state(context, instance);
    auto json = to_json(view(*instance.record(), state.status));
    // Snapshots and backups come with the storage room; until then there truthfully are none.
    json.set("backups", nullptr).set("state", to_json(state)).set("snapshots", nullptr);
    return json;
}

schema::Json instance_writable(const instance::Record& record) {
    return to_json(record.row.put);
}

} // namespace api
