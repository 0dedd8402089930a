#pragma once
// Removes old logs. Caller: the daemon, daily.

#include <chrono>
#include <set>
#include <string>

#include "daemon/base/cancel.h"

namespace instance {

/// Below the log folder, of every instance in `names`: logs (and what commands printed) that nobody wrote to for two
/// days. Folders of instances that are no more go when nothing in them has changed for a day.
void expire_logs(const std::string& folder, const std::set<std::string>& names,
                 std::chrono::system_clock::time_point now, const base::CancelToken& cancel);

} // namespace instance
