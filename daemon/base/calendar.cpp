#include "daemon/base/calendar.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "schema/error.h"

namespace base {

namespace {

constexpr std::array months = {"January", "February", "March",     "April",   "May",      "June",
                               "July",    "August",   "September", "October", "November", "December"};
constexpr std::array weekdays = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

int hour_of_twelve(const std::tm& time) {
    return time.tm_hour % 12 == 0 ? 12 : time.tm_hour % 12;
}

std::string offset(const std::tm& time, const char* colon) {
    const auto minutes = std::abs(time.tm_gmtoff) / 60;
    return fmt::format("{}{:02}{}{:02}", time.tm_gmtoff < 0 ? '-' : '+', minutes / 60, colon, minutes % 60);
}

struct Piece {
    std::string_view layout;
    std::string (*text)(const std::tm&);
};

/// The longer first, where one begins like another.
constexpr std::array pieces = {
    Piece{"January", [](const std::tm& t) { return std::string(months.at(static_cast<size_t>(t.tm_mon))); }},
    Piece{"Jan", [](const std::tm& t) { return std::string(months.at(static_cast<size_t>(t.tm_mon)), 3); }},
    Piece{"Monday", [](const std::tm& t) { return std::string(weekdays.at(static_cast<size_t>(t.tm_wday))); }},
    Piece{"Mon", [](const std::tm& t) { return std::string(weekdays.at(static_cast<size_t>(t.tm_wday)), 3); }},
    Piece{"MST", [](const std::tm& t) { return std::string(t.tm_zone); }},
    Piece{"2006", [](const std::tm& t) { return fmt::format("{:04}", t.tm_year + 1900); }},
    Piece{"002", [](const std::tm& t) { return fmt::format("{:03}", t.tm_yday + 1); }},
    Piece{"01", [](const std::tm& t) { return fmt::format("{:02}", t.tm_mon + 1); }},
    Piece{"02", [](const std::tm& t) { return fmt::format("{:02}", t.tm_mday); }},
    Piece{"03", [](const std::tm& t) { return fmt::format("{:02}", hour_of_twelve(t)); }},
    Piece{"04", [](const std::tm& t) { return fmt::format("{:02}", t.tm_min); }},
    Piece{"05", [](const std::tm& t) { return fmt::format("{:02}", t.tm_sec); }},
    Piece{"06", [](const std::tm& t) { return fmt::format("{:02}", t.tm_year % 100); }},
    Piece{"15", [](const std::tm& t) { return fmt::format("{:02}", t.tm_hour); }},
    Piece{"_2", [](const std::tm& t) { return fmt::format("{:2}", t.tm_mday); }},
    Piece{"-07:00", [](const std::tm& t) { return offset(t, ":"); }},
    Piece{"-0700", [](const std::tm& t) { return offset(t, ""); }},
    Piece{"Z07:00", [](const std::tm& t) { return t.tm_gmtoff == 0 ? "Z" : offset(t, ":"); }},
    Piece{"Z0700", [](const std::tm& t) { return t.tm_gmtoff == 0 ? "Z" : offset(t, ""); }},
    Piece{"PM", [](const std::tm& t) { return std::string(t.tm_hour < 12 ? "AM" : "PM"); }},
    Piece{"pm", [](const std::tm& t) { return std::string(t.tm_hour < 12 ? "am" : "pm"); }},
    Piece{"1", [](const std::tm& t) { return std::to_string(t.tm_mon + 1); }},
    Piece{"2", [](const std::tm& t) { return std::to_string(t.tm_mday); }},
    Piece{"3", [](const std::tm& t) { return std::to_string(hour_of_twelve(t)); }},
    Piece{"4", [](const std::tm& t) { return std::to_string(t.tm_min); }},
    Piece{"5", [](const std::tm& t) { return std::to_string(t.tm_sec); }},
};

/// Adds within what an int holds; nothing on a calendar is that far.
void add(int& field, int64_t value) {
    constexpr int64_t most = 10'000'000;
    if (value > most) throw schema::bad_request("Invalid expiry expression");
    field += static_cast<int>(value);
}

} // namespace

std::tm local_time(schema::Time time) {
    const auto seconds =
        static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
    std::tm broken{};
    ::localtime_r(&seconds, &broken);
    return broken;
}

schema::Time expiry_date(schema::Time from, const schema::Expiry& expiry) {
    const std::array fields = {expiry.years, expiry.months,  expiry.weeks,  expiry.days,
                               expiry.hours, expiry.minutes, expiry.seconds};
    if (std::ranges::all_of(fields, [](int64_t value) { return value == 0; })) return {};
    constexpr int64_t longest_year = 8000;
    constexpr int64_t most_seconds = longest_year * 366 * 24 * 3600;
    if (std::ranges::any_of(fields, [](int64_t value) { return value > most_seconds; }) || expiry.years > longest_year)
        throw schema::bad_request("Invalid expiry expression");
    auto day = local_time(from);
    add(day.tm_year, expiry.years);
    add(day.tm_mon, expiry.months);
    add(day.tm_mday, expiry.weeks * 7);
    add(day.tm_mday, expiry.days);
    day.tm_isdst = -1;
    const auto later =
        static_cast<int64_t>(std::mktime(&day)) + expiry.hours * 3600 + expiry.minutes * 60 + expiry.seconds;
    // Times are nanoseconds in 64 bits, which end in 2262.
    if (later >= std::numeric_limits<int64_t>::max() / 1'000'000'000)
        throw schema::bad_request("Invalid expiry expression");
    const auto fraction = from - std::chrono::floor<std::chrono::seconds>(from);
    return schema::Time(std::chrono::seconds(later)) + fraction;
}

std::string formatted(schema::Time time, std::string_view layout) {
    const auto broken = local_time(time);
    std::string text;
    while (!layout.empty()) {
        const auto* const piece =
            std::ranges::find_if(pieces, [&](const Piece& candidate) { return layout.starts_with(candidate.layout); });
        text += piece == pieces.end() ? std::string(1, layout.front()) : piece->text(broken);
        layout.remove_prefix(piece == pieces.end() ? 1 : piece->layout.size());
    }
    return text;
}

} // namespace base
