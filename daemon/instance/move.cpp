#include "daemon/base/rollback.h"
#include "daemon/instance/action_log.h"
#include "daemon/instance/brought_back.h"
#include "daemon/instance/lifecycle.h"
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
    rooms_.pools.get(pool);
    const auto old_pool = instance->record()->row.pool;
    check_owners_kept(*instance, instance->record()->row.put.config);
    std::vector<state::SnapshotRow> snapshots;
    for (auto& snapshot : rooms_.snapshots.list(name))
        if (!snapshot.incomplete) snapshots.push_back(std::move(snapshot));
    std::vector<std::string> along;
    if (!instance_only)
        for (const auto& snapshot : snapshots) along.push_back(snapshot.name);
    if (pool != old_pool) {
        rooms_.file_sessions.end(name);
        base::Rollback rollback;
        rollback.add([&] { store_volatile(*instance, {{moving_key, ""}}); });
        store_volatile(*instance, {{moving_key, pool}});
        rooms_.pools.copy_container({old_pool, name}, along, pool, name, caller.cancel, progress);
        rollback.add([&] { rooms_.pools.remove_volume_of(pool, name); });
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
        repair_move(*instance, old_pool);
    } else if (instance_only) {
        for (const auto& snapshot : snapshots) remove_snapshot_now(instance->record()->row, snapshot, caller);
    }
    keep_backup_file(*instance);
    report("instance-updated", name, caller);
}

} // namespace instance
