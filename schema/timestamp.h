#pragma once
// Points in time as the API writes them: RFC 3339 in UTC with up to nine decimals, as Go's time.Time does.

#include <chrono>
#include <string>
#include <string_view>

namespace schema {

/// Nanoseconds since 1970 on the system clock. A value-initialised Time stands for Go's zero time ("not known").
using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/// "2026-01-02T03:04:05.123456789Z", trailing zeros of the fraction left out; "0001-01-01T00:00:00Z" for Time{}.
std::string rfc3339(Time time);
/// As rfc3339, with "1970-01-01T00:00:00Z" for Time{}: what LXD shows of times that it stores as seconds since 1970.
std::string rfc3339_since_1970(Time time);
/// Reads what rfc3339 writes and numeric offsets too; throws bad_request on anything else.
Time parse_rfc3339(std::string_view text);

} // namespace schema
