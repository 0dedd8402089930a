#include "client/times.h"

#include <array>
#include <ctime>

#include <fmt/format.h>

#include "schema/timestamp.h"

namespace client {

namespace {

std::time_t seconds(std::string_view text) {
    if (text.empty() || text.starts_with("0001-")) return -1;
    return std::chrono::system_clock::to_time_t(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(schema::parse_rfc3339(text)));
}

std::string formatted(const std::tm& time, const char* format) {
    std::array<char, 64> buffer;
    return {buffer.data(), std::strftime(buffer.data(), buffer.size(), format, &time)};
}

std::tm utc(std::string_view text) {
    const auto when = seconds(text);
    std::tm time{};
    ::gmtime_r(&when, &time);
    return time;
}

} // namespace

bool is_set(std::string_view rfc3339_text) {
    return seconds(rfc3339_text) > 0;
}

std::string utc_minutes(std::string_view rfc3339_text) {
    return formatted(utc(rfc3339_text), "%Y/%m/%d %H:%M UTC");
}

std::string local_minutes(std::string_view rfc3339_text) {
    const auto when = seconds(rfc3339_text);
    std::tm time{};
    ::localtime_r(&when, &time);
    return formatted(time, "%Y/%m/%d %H:%M %Z");
}

std::string upload_date(std::string_view rfc3339_text) {
    const auto time = utc(rfc3339_text);
    const int hour = time.tm_hour % 12 == 0 ? 12 : time.tm_hour % 12;
    return fmt::format("{} {}, {} at {}:{:02}{} (UTC)", formatted(time, "%b"), time.tm_mday, time.tm_year + 1900, hour,
                       time.tm_min, time.tm_hour < 12 ? "am" : "pm");
}

} // namespace client
