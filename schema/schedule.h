#pragma once
// When snapshots are made and how long they are kept: `snapshots.schedule` and `snapshots.expiry`. Read by the checks
// of these keys, and by what the daemon does every minute.

#include <bitset>
#include <cstdint>
#include <ctime>
#include <string_view>
#include <vector>

namespace schema {

/// The minutes at which something is due, each field with a bit for each of its values that fits.
struct CronFields {
    std::bitset<60> minutes;
    std::bitset<24> hours;
    std::bitset<32> days; // of the month, from 1
    std::bitset<13> months;
    std::bitset<7> weekdays; // from Sunday
    /// `*`: where one of days and weekdays is not restricted, both have to fit; otherwise either.
    bool any_day = false;
    bool any_weekday = false;
};

struct Schedule {
    bool at_startup = false;        // @startup
    bool never = false;             // @never
    std::vector<CronFields> minute; // none for @never
};

/// What an alias leaves open is spread, so that not everything is due at once.
struct Moment {
    int minute = 0;
    int hour = 0;
};
/// The same for the same id (of an instance or a volume), now and later.
Moment spread_moment(int64_t id);

/// Five fields as in crontab(5), one of LXD's aliases, or several of these with ", " between them. Throws bad_request
/// with LXD's texts.
Schedule parse_schedule(std::string_view text, Moment open = {});
/// Throws as that does, for what instances alone can have, too: @startup and @never.
void check_volume_schedule(std::string_view text);
/// Whether something is due in the minute of this local time.
bool is_due(const Schedule& schedule, const std::tm& time);

/// A length of time on the calendar.
struct Expiry {
    int64_t years = 0;
    int64_t months = 0;
    int64_t weeks = 0;
    int64_t days = 0;
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t seconds = 0;
};

/// "1y 2m 3w 4d 5H 6M 7S", each at most once; an empty text is all zero: for ever. Throws bad_request `Invalid expiry
/// expression`.
Expiry parse_expiry(std::string_view text);

} // namespace schema
