#include "daemon/instance/snapshot_schedule.h"

#include <algorithm>

#include "schema/schedule.h"
#include "schema/values.h"

namespace instance {

namespace {

bool is_expired(const state::SnapshotRow& snapshot, schema::Time now) {
    return !snapshot.incomplete && snapshot.expires_at != schema::Time() && snapshot.expires_at <= now;
}

std::optional<schema::Schedule> schedule_of(const Record& record) {
    return instance::schedule_of(schema::get(record.expanded_config, "snapshots.schedule"), record.row.id);
}

} // namespace

bool wants_startup_snapshot(const Record& record) {
    const auto schedule = schedule_of(record);
    return schedule && schedule->at_startup;
}

SnapshotSchedule::SnapshotSchedule(const Registry& instances, const state::Snapshots& snapshots, Lifecycle& lifecycle,
                                   base::Log& log, schema::Time now)
    : instances_(instances), snapshots_(snapshots), lifecycle_(lifecycle), log_(log), minutes_(now) {}

std::vector<operations::Spec> SnapshotSchedule::due(schema::Time now) {
    std::vector<operations::Spec> specs;
    if (auto names = instances_due(now); !names.empty()) {
        auto& spec = specs.emplace_back();
        spec.description = "Snapshotting instance";
        spec.run = [this, names = std::move(names)](operations::Operation& operation) {
            log_.info("Creating scheduled instance snapshots");
            for (const auto& name : names) take(name, operation.cancel_token());
            log_.info("Done creating scheduled instance snapshots");
        };
    }
    const auto rows = snapshots_.list();
    const bool expired = std::ranges::any_of(rows, [&](const auto& row) { return is_expired(row, now); });
    if (expired && !expiring_->exchange(true)) {
        auto& spec = specs.emplace_back();
        spec.description = "Cleaning up expired instance snapshots";
        spec.run = [this, now, running = expiring_](operations::Operation& operation) {
            const std::shared_ptr<void> done(nullptr, [&](void*) { *running = false; });
            remove_expired(now, operation.cancel_token());
        };
    }
    return specs;
}

std::vector<std::string> SnapshotSchedule::instances_due(schema::Time now) {
    std::vector<std::string> names;
    const auto minutes = minutes_.since_last(now);
    if (minutes.empty()) return names;
    for (const auto& instance : instances_.list()) {
        const auto record = instance->record();
        const auto schedule = schedule_of(*record);
        if (!schedule) continue;
        const bool stopped_too = schema::is_true(schema::get(record->expanded_config, "snapshots.schedule.stopped"));
        if (!stopped_too && !instance->live().running) continue;
        if (is_due_in(*schedule, minutes)) names.push_back(record->row.name);
    }
    return names;
}

void SnapshotSchedule::take(const std::string& instance, const base::CancelToken& cancel) const {
    SnapshotOrder order;
    try {
        order.name = lifecycle_.next_snapshot_name(instance);
        order.expires_at = lifecycle_.snapshot_expiry(instance);
        lifecycle_.take_snapshot(instance, order, {{}, cancel}, {});
    } catch (const std::exception& error) {
        log_.error("Error creating snapshot",
                   {{"instance", instance}, {"snapshot", order.name}, {"err", error.what()}});
    }
}

void SnapshotSchedule::remove_expired(schema::Time now, const base::CancelToken& cancel) const {
    log_.info("Pruning expired instance snapshots");
    for (const auto& row : snapshots_.list()) {
        if (!is_expired(row, now)) continue;
        cancel.check();
        try {
            lifecycle_.remove_snapshot(row.instance, row.name, {{}, cancel});
        } catch (const std::exception& error) {
            log_.error("Failed to delete expired instance snapshot",
                       {{"instance", row.instance}, {"snapshot", row.name}, {"err", error.what()}});
        }
    }
    log_.info("Done pruning expired instance snapshots");
}

} // namespace instance
