#include "schema/timestamp.h"

#include <charconv>

#include <fmt/format.h>

#include "schema/error.h"

namespace schema {

namespace {

constexpr std::string_view zero_time = "0001-01-01T00:00:00Z";

} // namespace

std::string rfc3339(Time time) {
    using namespace std::chrono;
    if (time == Time{}) return std::string(zero_time);
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{floor<nanoseconds>(time - day)};
    auto text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                            static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                            clock.hours().count(), clock.minutes().count(), clock.seconds().count());
    if (const auto fraction = clock.subseconds().count(); fraction != 0) {
        auto digits = fmt::format(".{:09}", fraction);
        digits.erase(digits.find_last_not_of('0') + 1);
        text += digits;
    }
    return text + "Z";
}

std::string rfc3339_since_1970(Time time) {
    return time == Time{} ? "1970-01-01T00:00:00Z" : rfc3339(time);
}

Time parse_rfc3339(std::string_view text) {
    using namespace std::chrono;
    const auto fail = [&] { return bad_request("Invalid time {:?}", text); };
    const auto number = [&](size_t from, size_t count) {
        int value = 0;
        if (from + count > text.size()) throw fail();
        const auto* end = text.data() + from + count;
        if (const auto got = std::from_chars(text.data() + from, end, value); got.ec != std::errc{} || got.ptr != end)
            throw fail();
        return value;
    };
    const auto separator = [&](size_t at, std::string_view allowed) {
        if (at >= text.size() || allowed.find(text[at]) == std::string_view::npos) throw fail();
    };

    if (text == zero_time) return {};
    separator(4, "-");
    separator(7, "-");
    separator(10, "Tt ");
    separator(13, ":");
    separator(16, ":");
    const year_month_day date{year{number(0, 4)}, month(static_cast<unsigned>(number(5, 2))),
                              day(static_cast<unsigned>(number(8, 2)))};
    if (!date.ok()) throw fail();
    const auto hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
    if (hour > 23 || minute > 59 || second > 60) throw fail();

    size_t at = 19;
    int64_t fraction = 0;
    if (at < text.size() && text[at] == '.') {
        int64_t scale = 100'000'000;
        for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
            fraction += scale * (text[at] - '0');
    }

    minutes offset{0};
    separator(at, "Zz+-");
    if (text[at] == '+' || text[at] == '-') {
        separator(at + 3, ":");
        offset = hours{number(at + 1, 2)} + minutes{number(at + 4, 2)};
        if (text[at] == '-') offset = -offset;
        at += 5;
    }
    if (at + 1 != text.size()) throw fail();
    return sys_days{date} + hours{hour} + minutes{minute} + seconds{second} - offset + nanoseconds{fraction};
}

} // namespace schema
