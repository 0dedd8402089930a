#pragma once
// What is done by the clock: which minutes have come, and whether a schedule has one of them. What the schedules of
// instances' and of volumes' snapshots have in common.

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "schema/schedule.h"
#include "schema/timestamp.h"

namespace instance {

/// Used by one thread.
class DueMinutes {
public:
    /// What was due at or before `now` is not made up for.
    explicit DueMinutes(schema::Time now);

    /// The minutes since the last call, each once, in local time; at most an hour's, after the clock or the daemon
    /// stood still.
    std::vector<std::tm> since_last(schema::Time now);

private:
    int64_t last_; // since 1970
};

/// What snapshots.schedule says; nothing where it is empty or, by way of an older LXD's database, makes no sense.
/// `id` is that of the instance or volume.
std::optional<schema::Schedule> schedule_of(const std::string& text, int64_t id);
bool is_due_in(const schema::Schedule& schedule, const std::vector<std::tm>& minutes);

} // namespace instance
