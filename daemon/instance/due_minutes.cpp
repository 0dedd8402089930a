#include "daemon/instance/due_minutes.h"

#include <algorithm>
#include <chrono>
#include <exception>

#include "daemon/base/calendar.h"

namespace instance {

namespace {

/// The most minutes that are looked at after the clock or the daemon stood still.
constexpr int64_t longest_gap = 60;

int64_t minute_of(schema::Time time) {
    return std::chrono::floor<std::chrono::minutes>(time.time_since_epoch()).count();
}

} // namespace

DueMinutes::DueMinutes(schema::Time now) : last_(minute_of(now)) {}

std::vector<std::tm> DueMinutes::since_last(schema::Time now) {
    const auto minute = minute_of(now);
    std::vector<std::tm> minutes;
    for (auto each = std::max(last_ + 1, minute - longest_gap); each <= minute; ++each)
        minutes.push_back(base::local_time(schema::Time(std::chrono::minutes(each))));
    last_ = minute; // also where the clock was set back
    return minutes;
}

std::optional<schema::Schedule> schedule_of(const std::string& text, int64_t id) {
    if (text.empty()) return {};
    try {
        return schema::parse_schedule(text, schema::spread_moment(id));
    } catch (const std::exception&) {
        return {};
    }
}

bool is_due_in(const schema::Schedule& schedule, const std::vector<std::tm>& minutes) {
    return std::ranges::any_of(minutes, [&](const auto& minute) { return schema::is_due(schedule, minute); });
}

} // namespace instance
