#include <algorithm>

#include "daemon/base/calendar.h"
#include "daemon/base/process.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/action_log.h"
#include "daemon/instance/brought_back.h"
#include "daemon/instance/copy.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/root_limit.h"
#include "daemon/instance/snapshot_name.h"
#include "daemon/instance/start_plan.h"
#include "daemon/instance/volatile_keys.h"
#include "schema/error.h"
#include "schema/names.h"

namespace instance {

using schema::Status;

namespace {

std::string full_name(const std::string& instance, const std::string& snapshot) {
    return instance + "/" + snapshot;
}

/// Names that LXD refuses where it stores them.
void check_storable(const std::string& snapshot) {
    if (snapshot.find(' ') != std::string::npos)
        throw schema::bad_request("Invalid instance snapshot name: Cannot contain space or / characters");
}

void refuse_state(const Instance& instance) {
    if (!instance.live().running)
        throw schema::failure("Unable to create a stateful snapshot. The instance isn't running");
    if (base::find_program("criu").empty())
        throw schema::failure("Unable to create a stateful snapshot. CRIU isn't installed");
    throw schema::Error(schema::ErrorKind::not_implemented, "Stateful snapshots are not available yet");
}

base::Log::Context context_of(const state::InstanceRow& owner, const state::SnapshotRow& snapshot,
                              base::Log::Context particular = {}) {
    auto row = owner;
    row.name = full_name(owner.name, snapshot.name);
    row.created_at = snapshot.created_at;
    row.last_used_at = snapshot.last_used_at;
    return log_context(row, std::move(particular));
}

} // namespace

void Lifecycle::report_snapshot(const std::string& action, const std::string& instance, const std::string& snapshot,
                                const Caller& caller, schema::Json context) {
    rooms_.events.lifecycle(action, fmt::format("/1.0/instances/{}/snapshots/{}", instance, snapshot),
                            std::move(context), caller.requestor);
}

state::SnapshotRow Lifecycle::whole_snapshot(const std::string& instance, const std::string& snapshot) const {
    auto row = rooms_.snapshots.find(instance, snapshot);
    if (!row || row->incomplete)
        throw schema::not_found(
            "Failed to fetch snapshot {:?} of instance {:?} in project \"default\": InstanceSnapshot not found",
            snapshot, instance);
    return *std::move(row);
}

state::SnapshotRow Lifecycle::spare_snapshot(const state::InstanceRow& owner, const std::string& snapshot) const {
    auto row = whole_snapshot(owner.name, snapshot);
    if (schema::get(owner.put.config, restoring_key) == snapshot)
        throw schema::failure("Snapshot {:?} is needed: its restore is not complete", full_name(owner.name, snapshot));
    return row;
}

std::string Lifecycle::next_snapshot_name(const std::string& instance) const {
    const auto record = rooms_.instances.get(instance)->record();
    const auto& pattern = schema::get(record->expanded_config, "snapshots.pattern");
    std::vector<std::string> taken;
    for (auto& snapshot : rooms_.snapshots.list(instance)) taken.push_back(std::move(snapshot.name));
    return instance::next_snapshot_name(pattern.empty() ? "snap%d" : pattern, std::chrono::system_clock::now(), taken);
}

schema::Time Lifecycle::snapshot_expiry(const std::string& instance) const {
    const auto record = rooms_.instances.get(instance)->record();
    return base::expiry_date(std::chrono::system_clock::now(),
                             schema::parse_expiry(schema::get(record->expanded_config, "snapshots.expiry")));
}

state::SnapshotRow Lifecycle::new_snapshot_row(const Record& record, const SnapshotOrder& order) const {
    state::SnapshotRow row;
    row.instance = record.row.name;
    row.name = order.name;
    row.put = record.row.put;
    row.created_at = std::chrono::system_clock::now();
    row.expires_at = order.expires_at;
    row.incomplete = true;
    row.volume_description = rooms_.pools.described(record.row.pool, record.row.name);
    return row;
}

int64_t Lifecycle::insert_snapshot(const state::SnapshotRow& row) {
    try {
        check_storable(row.name);
        return rooms_.snapshots.insert(row);
    } catch (const schema::Error& error) {
        throw schema::Error(
            error.kind(),
            fmt::format("Failed creating instance snapshot record {:?}: {}{}", row.name,
                        error.kind() == schema::ErrorKind::conflict ? "Add snapshot info to the database: " : "",
                        error.what()));
    }
}

/// The row is first, marked: whatever a crash leaves is removed at the next start.
void Lifecycle::take_snapshot(const std::string& name, const SnapshotOrder& order, const Caller& caller,
                              const storage::Progress& progress) {
    const auto instance = rooms_.instances.get(name);
    if (order.stateful) refuse_state(*instance);
    state::SnapshotRow row;
    std::string pool;
    int64_t id = 0;
    {
        const auto lock = hold(*instance);
        const auto record = instance->record();
        pool = record->row.pool;
        row = new_snapshot_row(*record, order);
        if (row.name.empty()) row.name = next_snapshot_name(record->row.name);
        if (instance->live().running && status(*instance) != Status::frozen)
            row.put.config[frozen_source_key] = record->row.name;
        id = insert_snapshot(row);
    }
    base::Rollback rollback;
    rollback.add([&] { rooms_.snapshots.remove(id); });
    // One that is stopped may be about to start, under the lock.
    std::shared_ptr<void> frozen;
    if (row.put.config.contains(frozen_source_key)) frozen = freeze_for_copy(instance, {});
    check_owners_kept(*instance, row.put.config);
    rooms_.pools.take_snapshot(pool, row.instance, row.name, caller.cancel, progress);
    rollback.add([&] { rooms_.pools.remove_snapshot(pool, instance->record()->row.name, row.name); });
    check_owners_kept(*instance, row.put.config); // a start may have begun meanwhile
    frozen.reset();
    const auto lock = hold(*instance);
    const auto now = instance->record();
    if (now->row.pool != pool) throw schema::failure("Instance {:?} was moved meanwhile", now->row.name);
    rooms_.database.transaction([&] {
        rooms_.snapshots.unset_config(id, frozen_source_key);
        rooms_.snapshots.set_incomplete(id, false);
    });
    rollback.dismiss();
    keep_backup_file(*instance);
    report_snapshot("instance-snapshot-created", now->row.name, row.name, caller);
}

void Lifecycle::remove_snapshot(const std::string& name, const std::string& snapshot, const Caller& caller) {
    const auto instance = rooms_.instances.get(name);
    const auto lock = hold(*instance);
    const auto record = instance->record();
    remove_snapshot_now(record->row, spare_snapshot(record->row, snapshot), caller);
    keep_backup_file(*instance);
}

void Lifecycle::remove_snapshot_now(const state::InstanceRow& owner, const state::SnapshotRow& snapshot,
                                    const Caller& caller) {
    logged(rooms_.log, words::remove, context_of(owner, snapshot), [&] {
        rooms_.snapshots.set_incomplete(snapshot.id, true);
        rooms_.pools.remove_snapshot(owner.pool, owner.name, snapshot.name);
        rooms_.snapshots.remove(snapshot.id);
    });
    report_snapshot("instance-snapshot-deleted", owner.name, snapshot.name, caller);
}

void Lifecycle::rename_snapshot(const std::string& name, const std::string& snapshot, const std::string& new_name,
                                const Caller& caller) {
    schema::check_snapshot_name(new_name);
    check_storable(new_name);
    const auto instance = rooms_.instances.get(name);
    const auto lock = hold(*instance);
    const auto owner = instance->record()->row;
    const auto row = spare_snapshot(owner, snapshot);
    if (rooms_.snapshots.find(owner.name, new_name))
        throw schema::conflict("Name '{}' already in use", full_name(owner.name, new_name));
    logged(rooms_.log, words::rename, context_of(owner, row, {{"newname", full_name(owner.name, new_name)}}), [&] {
        base::Rollback rollback;
        rooms_.snapshots.set_new_name(row.id, new_name);
        rollback.add([&] { rooms_.snapshots.set_new_name(row.id, ""); });
        rooms_.pools.rename_snapshot(owner.pool, owner.name, snapshot, new_name);
        rollback.add([&] { rooms_.pools.rename_snapshot(owner.pool, owner.name, new_name, snapshot); });
        rooms_.snapshots.rename(row.id, new_name);
        rollback.dismiss();
    });
    keep_backup_file(*instance);
    schema::Json context;
    context.set("old_name", full_name(owner.name, snapshot));
    report_snapshot("instance-snapshot-renamed", owner.name, new_name, caller, std::move(context));
}

void Lifecycle::set_snapshot_expiry(const std::string& name, const std::string& snapshot, schema::Time expires_at,
                                    const Caller& caller) {
    const auto instance = rooms_.instances.get(name);
    const auto lock = hold(*instance);
    const auto owner = instance->record()->row.name;
    rooms_.snapshots.set_expires_at(whole_snapshot(owner, snapshot).id, expires_at);
    keep_backup_file(*instance);
    report_snapshot("instance-snapshot-updated", owner, snapshot, caller);
}

void Lifecycle::restore_snapshot(const std::string& name, const std::string& snapshot, bool stateful,
                                 const Caller& caller) {
    const auto instance = rooms_.instances.get(name);
    const auto found = rooms_.snapshots.find(name, snapshot);
    if (!found || found->incomplete) throw schema::failure("Snapshot {} does not exist", full_name(name, snapshot));
    if (stateful && !found->put.stateful)
        throw schema::failure("Stateful snapshot restore requested by snapshot is stateless");
    const auto action = instance->begin("restore");
    const auto restore = [&] {
        auto lock = hold(*instance);
        const bool ran = instance->live().running.has_value();
        const auto row = whole_snapshot(name, snapshot);
        // An ephemeral instance that stops is to stay, also when this is cut off.
        if (ran) store_volatile(*instance, {{restoring_key, snapshot}});
        lock.unlock();
        base::Rollback rollback;
        if (ran) {
            rollback.add([&] { forget_restore(*instance); });
            stop_and_wait(*instance, 0);
            report("instance-stopped", name, caller);
            rollback.add([&] { start_stopped(instance, {}); });
        }
        lock.lock();
        bring_back(*instance, whole_snapshot(name, snapshot), caller);
        rollback.dismiss();
        if (!ran) return;
        start_stopped(instance, caller);
        report("instance-started", name, caller);
    };
    logged(rooms_.log, words::restore, log_context(instance->record()->row, {{"source", full_name(name, snapshot)}}),
           restore);
    schema::Json context;
    context.set("snapshot", full_name(name, snapshot));
    report("instance-restored", name, caller, std::move(context));
}

/// One that failed. Where it left no volume, or that cannot be known now, it is to be done again.
void Lifecycle::forget_restore(Instance& instance) {
    const auto record = instance.record();
    if (rooms_.pools.has_container(record->row.pool, record->row.name)) store_volatile(instance, {{restoring_key, ""}});
}

void Lifecycle::check_restored(const Instance& instance) const {
    const auto record = instance.record();
    const auto& snapshot = schema::get(record->row.put.config, restoring_key);
    if (!snapshot.empty() && !rooms_.pools.has_container(record->row.pool, record->row.name))
        throw schema::failure("The restore of snapshot {:?} is not complete: restore it, or another one",
                              full_name(record->row.name, snapshot));
}

void Lifecycle::bring_back(Instance& instance, const state::SnapshotRow& snapshot, const Caller& caller) {
    const auto name = instance.record()->row.name;
    const auto pool = instance.record()->row.pool;
    rooms_.file_sessions.end(name);
    store_volatile(instance, {{restoring_key, snapshot.name}});
    base::Rollback rollback;
    rollback.add([&] { forget_restore(instance); });
    rooms_.pools.restore_snapshot(pool, name, snapshot.name, caller.cancel, {});
    rollback.dismiss(); // the files are the snapshot's: the next start does the rest, should this fail
    const auto claim = rooms_.id_claims.scope(name);
    auto row = instance.record()->row;
    row.put = brought_back(row.put, snapshot.put);
    row.put.config.erase(restoring_key);
    row.put.devices = with_root_in(pool, row, rooms_.instances);
    const auto before = instance.record();
    auto after = rooms_.instances.expand(row);
    merge(row.put.config, derived_volatile(after, rooms_));
    // What is restored has the limit of before. Of a limit that cannot be had the rest is done all the same.
    std::exception_ptr refused;
    try {
        limit_restored_root(*before, after, rooms_.pools);
    } catch (...) {
        refused = std::current_exception();
    }
    rooms_.rows.update(row);
    instance.set_record(rooms_.instances.expand(std::move(row)));
    // Some backends can go back to a snapshot only by way of losing the later ones.
    if (const auto left = rooms_.pools.snapshots_after_restore(pool, name, snapshot.name))
        for (const auto& other : rooms_.snapshots.list(name)) {
            if (other.incomplete || left->contains(other.name)) continue;
            rooms_.snapshots.remove(other.id);
            report_snapshot("instance-snapshot-deleted", name, other.name, caller);
        }
    keep_backup_file(instance);
    if (refused) std::rethrow_exception(refused);
}

} // namespace instance
