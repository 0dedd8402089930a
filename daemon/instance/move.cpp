#include <mutex>

#include "daemon/base/rollback.h"
#include "daemon/instance/action_log.h"
#include "daemon/instance/brought_back.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/root_limit.h"
#include "daemon/instance/volatile_keys.h"
#include "schema/error.h"

namespace instance {

void Lifecycle::move_to_pool(const std::string& name, const std::string& pool, bool instance_only, const Caller& caller,
                             const storage::Progress& progress) {
    const auto instance = rooms_.instances.get(name);
    const auto action = instance->begin("move");
    const auto lock = hold(*instance);
    if (instance->live().running)
        throw schema::bad_request("Instance must be stopped to move between pools statelessly");
    complete_move(*instance);
    rooms_.pools.settings(pool);
    const auto old_pool = instance->record()->row.pool;
    check_owners_kept(*instance, instance->record()->row.put.config);
    std::vector<state::SnapshotRow> snapshots;
    for (auto& snapshot : rooms_.snapshots.list(name))
        if (!snapshot.incomplete) snapshots.push_back(std::move(snapshot));
    std::vector<std::string> along;
    if (!instance_only)
        for (const auto& snapshot : snapshots) along.push_back(snapshot.name);
    if (pool != old_pool) {
        check_no_volume(pool, name);
        rooms_.file_sessions.end(name);
        base::Rollback rollback;
        rollback.add([&] { complete_move_or_later(*instance); });
        store_volatile(*instance, {{moving_key, pool}});
        rooms_.pools.copy_container({old_pool, name}, along, pool, name, caller.cancel, progress);
        auto row = instance->record()->row;
        row.put.devices = with_root_in(pool, row, rooms_.instances);
        row.pool = pool;
        row.put.config[moving_key] = old_pool;
        rooms_.database.transaction([&] {
            rooms_.rows.update(row);
            for (const auto& snapshot : snapshots) {
                auto owner = row;
                owner.put = snapshot.put;
                if (instance_only)
                    rooms_.snapshots.remove(snapshot.id);
                else
                    rooms_.snapshots.set_devices(snapshot.id, with_root_in(pool, owner, rooms_.instances));
            }
        });
        rollback.dismiss();
        instance->set_record(rooms_.instances.expand(std::move(row)));
        complete_move_or_later(*instance);
    } else if (instance_only) {
        for (const auto& snapshot : snapshots)
            remove_snapshot_now(instance->record()->row, spare_snapshot(instance->record()->row, snapshot.name),
                                caller);
    }
    keep_backup_file(*instance);
    report("instance-updated", name, caller);
}

void Lifecycle::check_no_volume(const std::string& pool, const std::string& name) const {
    if (rooms_.pools.has_container(pool, name))
        throw schema::failure("Volume of instance {:?} already exists in pool {:?} but not in the database: "
                              "\"lxd recover\" takes it in",
                              name, pool);
}

void Lifecycle::complete_move(Instance& instance) {
    const auto record = instance.record();
    const auto& row = record->row;
    const auto& pool = schema::get(row.put.config, moving_key);
    if (pool.empty()) return;
    rooms_.pools.relink_container(row.pool, row.name);
    rooms_.pools.remove_volume_of(pool, row.name);
    limit_root(*record, rooms_.pools);
    store_volatile(instance, {{moving_key, ""}});
}

void Lifecycle::complete_move_or_later(Instance& instance) {
    try {
        complete_move(instance);
    } catch (const std::exception& error) {
        rooms_.log.warning("Failed removing what a move left; trying again later",
                           {{"instance", instance.record()->row.name}, {"err", error.what()}});
        moves_to_complete_ = true;
    }
}

void Lifecycle::complete_moves() {
    moves_to_complete_ = false;
    for (const auto& instance : rooms_.instances.list()) {
        if (schema::get(instance->record()->row.put.config, moving_key).empty()) continue;
        const std::unique_lock lock(instance->change_lock(), std::try_to_lock);
        if (lock)
            complete_move_or_later(*instance);
        else
            moves_to_complete_ = true;
    }
}

} // namespace instance
