#pragma once
// Instances as the API shows them: put together from the registry, the lifecycle and the reporter.

#include "daemon/api/context.h"
#include "daemon/instance/instance.h"
#include "schema/api/instance.h"
#include "schema/api/instance_snapshot.h"

namespace api {

schema::Instance instance_view(Context& context, const instance::Instance& instance);
schema::InstanceState instance_state(Context& context, const instance::Instance& instance);
/// What is kept of an instance, in the order of creation: those that clients see.
struct Kept {
    std::vector<state::SnapshotRow> snapshots;
    std::vector<state::BackupRow> backups;
};
using KeptByInstance = std::map<std::string, Kept>; // by the instances' names
KeptByInstance kept_by_instance(Context& context);
Kept kept_of(Context& context, const std::string& instance);
std::vector<state::SnapshotRow> snapshots_of(Context& context, const std::string& instance);
/// Without its size.
schema::InstanceSnapshot snapshot_view(Context& context, const state::SnapshotRow& snapshot);
/// recursion=2: the instance with its state, snapshots and backups.
schema::Json full_instance_json(Context& context, const instance::Instance& instance, const Kept& kept);
/// What the instance's ETag covers.
schema::Json instance_writable(const instance::Record& record);

} // namespace api
