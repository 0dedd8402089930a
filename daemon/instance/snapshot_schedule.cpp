#include "daemon/instance/snapshot_schedule.h"

#include <algorithm>

#include "daemon/base/calendar.h"
#include "schema/schedule.h"
#include "schema/values.h"

namespace instance {

namespace {

/// The most minutes that are looked at after the clock or the daemon stood still.
constexpr int64_t longest_gap = 60;

int64_t minute_of(schema::Time time) {
    return std::chrono::floor<std::chrono::minutes>(time.time_since_epoch()).count();
}

bool is_expired(const state::SnapshotRow& snapshot, schema::Time now) {
    return !snapshot.incomplete && snapshot.expires_at != schema::Time() && snapshot.expires_at <= now;
}

/// Nothing for one that is not configured or, by way of an older LXD's database, makes no sense.
std::optional<schema::Schedule> schedule_of(const Record& record) {
    const auto& text = schema::get(record.expanded_config, "snapshots.schedule");
    if (text.empty()) return {};
    try {
        return schema::parse_schedule(text, schema::spread_moment(record.row.id));
    } catch (const std::exception&) {
        return {};
    }
}

} // namespace

bool wants_startup_snapshot(const Record& record) {
    const auto schedule = schedule_of(record);
    return schedule && schedule->at_startup;
}

SnapshotSchedule::SnapshotSchedule(const Registry& instances, const state::Snapshots& snapshots, Lifecycle& lifecycle,
                                   base::Log& log, schema::Time now)
    : instances_(instances), snapshots_(snapshots), lifecycle_(lifecycle), log_(log), last_minute_(minute_of(now)) {}

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
    const auto minute = minute_of(now);
    const auto first = std::max(last_minute_ + 1, minute - longest_gap);
    last_minute_ = minute; // also where the clock was set back
    std::vector<std::string> names;
    if (first > minute) return names;
    for (const auto& instance : instances_.list()) {
        const auto record = instance->record();
        const auto schedule = schedule_of(*record);
        if (!schedule) continue;
        const bool stopped_too = schema::is_true(schema::get(record->expanded_config, "snapshots.schedule.stopped"));
        if (!stopped_too && !instance->live().running) continue;
        for (auto each = first; each <= minute; ++each)
            if (schema::is_due(*schedule, base::local_time(schema::Time(std::chrono::minutes(each))))) {
                names.push_back(record->row.name);
                break;
            }
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
