#pragma once
// Times on the calendar of the host's time zone. Used for schedules and expiry dates of snapshots and backups, and for
// patterns of their names.

#include <ctime>
#include <string>
#include <string_view>

#include "schema/schedule.h"
#include "schema/timestamp.h"

namespace base {

/// In the host's time zone, to the second.
std::tm local_time(schema::Time time);
/// When what is made at `from` expires; Time{} (never) for an expiry of nothing. A month is one on the calendar: the
/// 31st of January and a month is the 3rd of March, as LXD has it. Throws bad_request beyond the year 2261.
schema::Time expiry_date(schema::Time from, const schema::Expiry& expiry);
/// In a layout of Go's, which shows how the moment 2006-01-02 15:04:05 would be written.
std::string formatted(schema::Time time, std::string_view layout);

} // namespace base
