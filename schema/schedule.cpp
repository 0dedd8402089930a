#include "schema/schedule.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include <fmt/ranges.h>

#include "schema/error.h"
#include "schema/strconv.h"
#include "schema/values.h"

namespace schema {

namespace {

constexpr std::array<std::string_view, 12> month_names = {"jan", "feb", "mar", "apr", "may", "jun",
                                                          "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/// What the values of one field may be.
struct Bounds {
    int64_t lowest;
    int64_t highest;
    std::span<const std::string_view> names = {}; // of the values from the lowest on
};
constexpr Bounds minute_bounds{0, 59};
constexpr Bounds hour_bounds{0, 23};
constexpr Bounds day_bounds{1, 31};
const Bounds month_bounds{1, 12, month_names};
const Bounds weekday_bounds{0, 6, weekday_names};

/// With M and H for what is left open. Aliases of more than one moment are left out: @startup and @never have none.
struct Alias {
    std::string_view name;
    std::string_view fields;
};
constexpr std::array aliases = {
    Alias{"@hourly", "M * * * *"}, Alias{"@daily", "M H * * *"},   Alias{"@midnight", "M 0 * * *"},
    Alias{"@weekly", "M H * * 0"}, Alias{"@monthly", "M H 1 * *"}, Alias{"@annually", "M H 1 1 *"},
    Alias{"@yearly", "M H 1 1 *"},
};

std::string filled(std::string_view fields, Moment open) {
    std::string text;
    for (const char c : fields) {
        if (c == 'M' || c == 'H')
            text += std::to_string(c == 'M' ? open.minute : open.hour);
        else
            text += c;
    }
    return text;
}

constexpr auto schedule_form = "Schedule must be of the form: <minute> <hour> <day-of-month> <month> <day-of-week>";

Error unparsable(std::string_view reason) {
    return bad_request("Error parsing schedule: {}", reason);
}

int64_t number(std::string_view text) {
    const auto value = parse_integer(text);
    if (!value) throw unparsable(fmt::format("failed to parse int from {}: {}", text, strconv_refusal("Atoi", text)));
    if (*value < 0) throw unparsable(fmt::format("negative number ({}) not allowed: {}", *value, text));
    return *value;
}

int64_t number_or_name(std::string_view text, const Bounds& bounds) {
    const auto name = std::ranges::find(bounds.names, text);
    if (name != bounds.names.end()) return bounds.lowest + (name - bounds.names.begin());
    return number(text);
}

bool is_star(std::string_view text) {
    return text == "*" || text == "?";
}

struct Range {
    int64_t first;
    int64_t last;
    int64_t step = 1;
    bool any = false; // `*` in steps of one
};

/// "*", "5", "1-5", "*/10", "5/10" (to the end) or "1-30/2".
Range parse_range(std::string_view text, const Bounds& bounds) {
    const auto range_and_step = split(text, '/');
    const auto ends = split(range_and_step[0], '-');
    Range range{bounds.lowest, bounds.highest};
    if (!is_star(ends[0])) {
        if (ends.size() > 2) throw unparsable(fmt::format("too many hyphens: {}", text));
        range.first = range.last = number_or_name(ends[0], bounds);
        if (ends.size() == 2) range.last = number_or_name(ends[1], bounds);
    }
    if (range_and_step.size() > 2) throw unparsable(fmt::format("too many slashes: {}", text));
    if (range_and_step.size() == 2) {
        range.step = number(range_and_step[1]);
        if (ends.size() == 1) range.last = bounds.highest;
    }
    range.any = is_star(ends[0]) && range.step == 1;
    if (range.first < bounds.lowest)
        throw unparsable(
            fmt::format("beginning of range ({}) below minimum ({}): {}", range.first, bounds.lowest, text));
    if (range.last > bounds.highest)
        throw unparsable(fmt::format("end of range ({}) above maximum ({}): {}", range.last, bounds.highest, text));
    if (range.first > range.last)
        throw unparsable(
            fmt::format("beginning of range ({}) beyond end of range ({}): {}", range.first, range.last, text));
    if (range.step == 0) throw unparsable(fmt::format("step of range should be a positive number: {}", text));
    return range;
}

/// True where the field is not restricted.
template <size_t N> bool set_field(std::string_view text, const Bounds& bounds, std::bitset<N>& bits) {
    bool any = false;
    for (const auto part : split(text, ',')) {
        if (part.empty()) continue;
        const auto range = parse_range(part, bounds);
        any = any || range.any;
        // A step beyond the highest value could overflow; one more than that leaves the first value alone, too.
        const auto step = std::min(range.step, bounds.highest + 1);
        for (auto value = range.first; value <= range.last; value += step) bits.set(static_cast<size_t>(value));
    }
    return any;
}

CronFields parse_fields(std::string_view text) {
    const auto words = split(text, ' ');
    if (words.size() != 5) throw bad_request(schedule_form);
    std::vector<std::string_view> fields = words;
    std::erase_if(fields, [](std::string_view word) { return stripped(word).empty(); });
    if (words[0].starts_with('@')) throw unparsable(fmt::format("unrecognized descriptor: {}", text));
    if (fields.empty()) throw unparsable("empty spec string");
    if (fields.size() != 5)
        throw unparsable(
            fmt::format("expected exactly 5 fields, found {}: [{}]", fields.size(), fmt::join(fields, " ")));
    CronFields cron;
    set_field(fields[0], minute_bounds, cron.minutes);
    set_field(fields[1], hour_bounds, cron.hours);
    cron.any_day = set_field(fields[2], day_bounds, cron.days);
    set_field(fields[3], month_bounds, cron.months);
    cron.any_weekday = set_field(fields[4], weekday_bounds, cron.weekdays);
    return cron;
}

void add_trigger(std::string_view text, Moment open, Schedule& schedule) {
    if (text == "@never") {
        schedule.never = true;
        return;
    }
    if (text == "@startup") {
        schedule.at_startup = true;
        return;
    }
    const auto* const alias = std::ranges::find(aliases, text, &Alias::name);
    schedule.minute.push_back(parse_fields(alias == aliases.end() ? std::string(text) : filled(alias->fields, open)));
}

bool is_due(const CronFields& cron, const std::tm& time) {
    const auto has = [](const auto& bits, int value) { return bits.test(static_cast<size_t>(value)); };
    const bool day = has(cron.days, time.tm_mday);
    const bool weekday = has(cron.weekdays, time.tm_wday);
    return has(cron.minutes, time.tm_min) && has(cron.hours, time.tm_hour) && has(cron.months, time.tm_mon + 1) &&
           (cron.any_day || cron.any_weekday ? day && weekday : day || weekday);
}

/// The field that a unit stands for; nullptr for any other letter.
int64_t* field_of(Expiry& expiry, char unit) {
    switch (unit) {
    case 'y':
        return &expiry.years;
    case 'm':
        return &expiry.months;
    case 'w':
        return &expiry.weeks;
    case 'd':
        return &expiry.days;
    case 'H':
        return &expiry.hours;
    case 'M':
        return &expiry.minutes;
    case 'S':
        return &expiry.seconds;
    default:
        return nullptr;
    }
}

} // namespace

Moment spread_moment(int64_t id) {
    // The finalizer of SplitMix64: neighbouring ids get moments that have nothing to do with one another.
    auto mixed = static_cast<uint64_t>(id) + 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    mixed ^= mixed >> 31U;
    return {static_cast<int>(mixed % 60), static_cast<int>(mixed / 60 % 24)};
}

bool is_due(const Schedule& schedule, const std::tm& time) {
    return std::ranges::any_of(schedule.minute, [&](const CronFields& cron) { return is_due(cron, time); });
}

Schedule parse_schedule(std::string_view text, Moment open) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    Schedule schedule;
    // Commas alone are part of a field.
    for (std::string_view rest = lower;;) {
        const auto end = rest.find(", ");
        add_trigger(rest.substr(0, end), open, schedule);
        if (end == std::string_view::npos) return schedule;
        rest.remove_prefix(end + 2);
    }
}

void check_volume_schedule(std::string_view text) {
    if (const auto schedule = parse_schedule(text); schedule.at_startup || schedule.never)
        throw bad_request(schedule_form);
}

Expiry parse_expiry(std::string_view text) {
    Expiry expiry;
    if (stripped(text).empty()) return expiry;
    for (const auto part : split(stripped(text), ' ')) {
        const auto refused = bad_request("Invalid expiry expression");
        if (part.size() < 2) throw refused;
        const auto digits = part.substr(0, part.size() - 1);
        auto* const field = field_of(expiry, part.back());
        if (field == nullptr || *field > 0 || digits.find_first_not_of("0123456789") != std::string_view::npos)
            throw refused;
        *field = strconv_integer("Atoi", digits);
    }
    return expiry;
}

} // namespace schema
