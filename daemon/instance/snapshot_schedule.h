#pragma once
// Snapshots that are made and removed by the clock: snapshots.schedule and what expires. Asked by the daemon's
// housekeeping.

#include <atomic>
#include <memory>
#include <vector>

#include "daemon/base/log.h"
#include "daemon/instance/due_minutes.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/registry.h"
#include "daemon/operations/operation.h"
#include "daemon/state/snapshots.h"

namespace instance {

/// Whether the instance's schedule asks for a snapshot when it starts.
bool wants_startup_snapshot(const Record& record);

/// All must outlive it, and what it gives. Used by one thread.
class SnapshotSchedule {
public:
    /// What was due at or before `now` is not made up for.
    SnapshotSchedule(const Registry& instances, const state::Snapshots& snapshots, Lifecycle& lifecycle, base::Log& log,
                     schema::Time now);

    /// Operations for what has become due since the last call, each minute once; none where nothing has.
    std::vector<operations::Spec> due(schema::Time now);

private:
    std::vector<std::string> instances_due(schema::Time now);
    void take(const std::string& instance, const base::CancelToken& cancel) const;
    void remove_expired(schema::Time now, const base::CancelToken& cancel) const;

    const Registry& instances_;
    const state::Snapshots& snapshots_;
    Lifecycle& lifecycle_;
    base::Log& log_;
    DueMinutes minutes_;
    std::shared_ptr<std::atomic<bool>> expiring_ = std::make_shared<std::atomic<bool>>(false);
};

} // namespace instance
