#pragma once
// Snapshots of custom volumes that are made and removed by the clock: snapshots.schedule and what expires. Asked by the
// daemon's housekeeping, as snapshot_schedule.h, which has those of instances.

#include <atomic>
#include <memory>
#include <vector>

#include "daemon/base/log.h"
#include "daemon/instance/due_minutes.h"
#include "daemon/operations/events.h"
#include "daemon/operations/operation.h"
#include "daemon/state/volumes.h"
#include "daemon/storage/volumes.h"

namespace instance {

/// All must outlive it, and what it gives. Used by one thread.
class VolumeSchedule {
public:
    VolumeSchedule(storage::Volumes& volumes, operations::EventsHub& events, base::Log& log, schema::Time now)
        : volumes_(volumes), events_(events), log_(log), minutes_(now) {}

    /// Operations for what has become due since the last call, each minute once; none where nothing has.
    std::vector<operations::Spec> due(schema::Time now);

private:
    std::vector<state::VolumePlace> volumes_due(schema::Time now);
    void take(const state::VolumePlace& volume, const base::CancelToken& cancel) const;
    void remove_expired(schema::Time now, const base::CancelToken& cancel) const;
    void report(const char* action, const state::VolumePlace& volume, const std::string& snapshot) const;

    storage::Volumes& volumes_;
    operations::EventsHub& events_;
    base::Log& log_;
    DueMinutes minutes_;
    std::shared_ptr<std::atomic<bool>> expiring_ = std::make_shared<std::atomic<bool>>(false);
};

} // namespace instance
