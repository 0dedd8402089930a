// At the daemon's start: what the last one left unfinished of snapshots and moves.

#include <set>
#include <string>

#include "daemon/instance/backup_config.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/volatile_keys.h"

namespace instance {

void Lifecycle::repair_snapshots(const std::string& pool) {
    const auto is_there = [&](const std::string& name) {
        const auto instance = rooms_.instances.find(name);
        if (!instance) return false;
        return pool.empty() || (pool == instance->record()->row.pool && instance->busy_with().empty());
    };
    for (const auto& instance : rooms_.instances.list()) {
        const auto record = instance->record();
        const auto& name = record->row.name;
        if (!is_there(name) || !rooms_.pools.is_available(record->row.pool)) continue;
        try {
            const std::scoped_lock lock(instance->change_lock());
            complete_move_or_later(*instance);
            const auto& wanted = schema::get(record->row.put.config, restoring_key);
            if (wanted.empty()) continue;
            const auto snapshot = rooms_.snapshots.find(name, wanted);
            if (snapshot && !instance->live().running) bring_back(*instance, *snapshot, {});
            store_volatile(*instance, {{restoring_key, ""}});
        } catch (const std::exception& error) {
            rooms_.log.error("Failed restoring an instance anew", {{"instance", name}, {"err", error.what()}});
        }
    }
    if (pool.empty()) {
        std::set<std::string> names;
        for (const auto& instance : rooms_.instances.list()) names.insert(instance->record()->row.name);
        rooms_.pools.remove_links_but(names);
    }
    std::set<std::string> with_snapshots;
    for (const auto& snapshot : rooms_.snapshots.list()) {
        // On a pool that came back, one may be under way.
        if (!is_there(snapshot.instance) || (!pool.empty() && snapshot.created_at > begun_)) continue;
        try {
            if (!snapshot.incomplete) with_snapshots.insert(snapshot.instance);
            repair_snapshot(snapshot);
        } catch (const std::exception& error) {
            rooms_.log.error("Failed clearing up after a snapshot",
                             {{"instance", snapshot.instance}, {"snapshot", snapshot.name}, {"err", error.what()}});
        }
    }
    for (const auto& instance : rooms_.instances.list()) {
        const std::scoped_lock lock(instance->change_lock());
        const auto record = instance->record();
        const auto& row = record->row;
        if (rooms_.instances.find(row.name) != instance || !is_there(row.name)) continue;
        if (!rooms_.pools.is_available(row.pool)) continue;
        try {
            if (lacks_backup_file(rooms_.pools.container_path(row.pool, row.name))) keep_backup_file(*instance);
            rooms_.pools.check_links(row.pool, row.name, with_snapshots.contains(row.name));
        } catch (const std::exception& error) {
            rooms_.log.error("Failed clearing up after an instance", {{"instance", row.name}, {"err", error.what()}});
        }
    }
}

void Lifecycle::repair_snapshot(const state::SnapshotRow& snapshot) {
    const auto instance = rooms_.instances.get(snapshot.instance);
    const auto owner = instance->record();
    const auto& pool = owner->row.pool;
    if (schema::get(owner->row.put.config, restoring_key) == snapshot.name) return; // which is still to be restored
    if (snapshot.incomplete) {
        rooms_.pools.remove_snapshot(pool, snapshot.instance, snapshot.name);
        rooms_.snapshots.remove(snapshot.id);
        keep_backup_file(*instance);
    } else if (!snapshot.new_name.empty()) {
        if (!rooms_.pools.has_snapshot(pool, snapshot.instance, snapshot.name))
            rooms_.pools.rename_snapshot(pool, snapshot.instance, snapshot.new_name, snapshot.name);
        rooms_.snapshots.set_new_name(snapshot.id, "");
    }
}

} // namespace instance
