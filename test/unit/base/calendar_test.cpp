#include "daemon/base/calendar.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "schema/error.h"

namespace base {
namespace {

struct CalendarTest : testing::Test {
    CalendarTest() { zone("UTC"); }
    ~CalendarTest() override { zone("UTC"); }
    static void zone(const char* name) {
        ::setenv("TZ", name, 1);
        ::tzset();
    }
    static std::string later(const char* from, const char* expiry) {
        return schema::rfc3339(expiry_date(schema::parse_rfc3339(from), schema::parse_expiry(expiry)));
    }
};

TEST_F(CalendarTest, AnExpiryIsCountedOnTheCalendar) {
    EXPECT_EQ(later("2026-01-15T10:00:00.5Z", "1y 1m 1w 1d 1H 1M 1S"), "2027-02-23T11:01:01.5Z");
    EXPECT_EQ(later("2026-01-31T10:00:00Z", "1m"), "2026-03-03T10:00:00Z");
    EXPECT_EQ(later("2024-12-31T23:59:59Z", "2S"), "2025-01-01T00:00:01Z");
    EXPECT_EQ(later("2026-01-15T10:00:00Z", ""), "0001-01-01T00:00:00Z");
    EXPECT_EQ(later("2026-01-15T10:00:00Z", "0d"), "0001-01-01T00:00:00Z");
}

TEST_F(CalendarTest, ADayOnTheCalendarMayHaveAnotherLength) {
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    EXPECT_EQ(later("2026-03-28T11:00:00Z", "1d"), "2026-03-29T10:00:00Z");
    EXPECT_EQ(later("2026-03-28T11:00:00Z", "24H"), "2026-03-29T11:00:00Z");
}

TEST_F(CalendarTest, AnExpiryBeyondAllTimesIsRefused) {
    for (const auto* text : {"9999999999y", "300y", "9223372036854775807S", "99999999m", "9223372036854775807w"})
        EXPECT_THROW(later("2026-01-15T10:00:00Z", text), schema::Error) << text;
}

TEST_F(CalendarTest, ALayoutShowsHowAMomentIsWritten) {
    const auto time = schema::parse_rfc3339("2026-03-09T05:07:08Z");
    EXPECT_EQ(formatted(time, "2006-01-02_15-04-05"), "2026-03-09_05-07-08");
    EXPECT_EQ(formatted(time, "Mon Jan _2 3:4:5PM 06 002"), "Mon Mar  9 5:7:8AM 26 068");
    EXPECT_EQ(formatted(time, "Monday, 2 January MST Z07:00 -0700"), "Monday, 9 March UTC Z +0000");
    EXPECT_EQ(formatted(time, "%s plain"), "%s plain");
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    EXPECT_EQ(formatted(time, "15:04 -07:00 MST"), "06:07 +01:00 CET");
}

} // namespace
} // namespace base
