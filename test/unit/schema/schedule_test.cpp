#include "schema/schedule.h"

#include <gtest/gtest.h>

#include "schema/error.h"

namespace schema {
namespace {

template <size_t N> std::vector<size_t> values(const std::bitset<N>& bits) {
    std::vector<size_t> found;
    for (size_t i = 0; i < N; ++i)
        if (bits.test(i)) found.push_back(i);
    return found;
}

CronFields fields(std::string_view text) {
    return parse_schedule(text).minute.at(0);
}

using Values = std::vector<size_t>;

TEST(Schedule, FieldsAreNumbersNamesRangesStepsAndLists) {
    EXPECT_EQ(values(fields("5 * * * *").minutes), (Values{5}));
    EXPECT_EQ(values(fields("*/20 * * * *").minutes), (Values{0, 20, 40}));
    EXPECT_EQ(values(fields("50/5 * * * *").minutes), (Values{50, 55}));
    EXPECT_EQ(values(fields("1-9/4,30 * * * *").minutes), (Values{1, 5, 9, 30}));
    EXPECT_EQ(values(fields("0 0 31 * *").days), (Values{31}));
    EXPECT_EQ(values(fields("0 0 * jan-MAR *").months), (Values{1, 2, 3}));
    EXPECT_EQ(values(fields("0 0 * * sun,6").weekdays), (Values{0, 6}));
    EXPECT_EQ(values(fields("0 */99999999999 * * *").hours), (Values{0}));
}

TEST(Schedule, OnlyAFreeFieldOfDaysLeavesThemFree) {
    EXPECT_TRUE(fields("0 0 * * 1").any_day);
    EXPECT_FALSE(fields("0 0 * * 1").any_weekday);
    EXPECT_FALSE(fields("0 0 */2 * ?").any_day);
    EXPECT_TRUE(fields("0 0 */2 * ?").any_weekday);
}

TEST(Schedule, AliasesStandForFieldsAStartOrNothing) {
    EXPECT_EQ(values(fields("@weekly").weekdays), (Values{0}));
    EXPECT_EQ(values(fields("@Yearly").months), (Values{1}));
    EXPECT_TRUE(parse_schedule("@startup").at_startup);
    EXPECT_TRUE(parse_schedule("@startup").minute.empty());
    EXPECT_TRUE(parse_schedule("@never").minute.empty());
    const auto both = parse_schedule("@hourly, @startup");
    EXPECT_TRUE(both.at_startup);
    EXPECT_EQ(both.minute.size(), 1U);
}

std::tm at(int month, int day, int weekday, int hour, int minute) {
    std::tm time{};
    time.tm_mon = month - 1;
    time.tm_mday = day;
    time.tm_wday = weekday;
    time.tm_hour = hour;
    time.tm_min = minute;
    return time;
}

TEST(Schedule, WhatIsDueFitsInEveryField) {
    EXPECT_TRUE(is_due(parse_schedule("30 6 * * *"), at(5, 3, 2, 6, 30)));
    EXPECT_FALSE(is_due(parse_schedule("30 6 * * *"), at(5, 3, 2, 6, 31)));
    EXPECT_FALSE(is_due(parse_schedule("30 6 * * *"), at(5, 3, 2, 7, 30)));
    EXPECT_FALSE(is_due(parse_schedule("30 6 * 6 *"), at(5, 3, 2, 6, 30)));
    EXPECT_TRUE(is_due(parse_schedule("0 0 * * *, 30 6 * * *"), at(5, 3, 2, 6, 30)));
    EXPECT_FALSE(is_due(parse_schedule("@never"), at(1, 1, 0, 0, 0)));
    EXPECT_FALSE(is_due(parse_schedule("@startup"), at(1, 1, 0, 0, 0)));
}

TEST(Schedule, OfTwoFieldsOfDaysOneIsEnoughUnlessOneIsFree) {
    EXPECT_TRUE(is_due(parse_schedule("0 0 3 * 1"), at(5, 3, 2, 0, 0)));
    EXPECT_TRUE(is_due(parse_schedule("0 0 4 * 2"), at(5, 3, 2, 0, 0)));
    EXPECT_FALSE(is_due(parse_schedule("0 0 4 * 1"), at(5, 3, 2, 0, 0)));
    EXPECT_FALSE(is_due(parse_schedule("0 0 * * 1"), at(5, 3, 2, 0, 0)));
}

TEST(Schedule, AnAliasIsDueAtTheMomentThatWasLeftOpen) {
    EXPECT_TRUE(is_due(parse_schedule("@daily", {17, 5}), at(5, 3, 2, 5, 17)));
    EXPECT_FALSE(is_due(parse_schedule("@daily", {17, 5}), at(5, 3, 2, 0, 0)));
    EXPECT_TRUE(is_due(parse_schedule("@midnight", {17, 5}), at(5, 3, 2, 0, 17)));
    EXPECT_TRUE(is_due(parse_schedule("@hourly", {17, 5}), at(5, 3, 2, 23, 17)));
    EXPECT_TRUE(is_due(parse_schedule("@weekly", {17, 5}), at(5, 3, 0, 5, 17)));
    EXPECT_TRUE(is_due(parse_schedule("@yearly", {17, 5}), at(1, 1, 3, 5, 17)));
}

TEST(Schedule, IdsAreSpreadOverTheDay) {
    std::bitset<60> minutes;
    std::bitset<24> hours;
    for (int64_t id = 1; id <= 300; ++id) {
        const auto moment = spread_moment(id);
        minutes.set(static_cast<size_t>(moment.minute));
        hours.set(static_cast<size_t>(moment.hour));
        EXPECT_EQ(moment.minute, spread_moment(id).minute);
    }
    EXPECT_GT(minutes.count(), 50U);
    EXPECT_EQ(hours.count(), 24U);
}

TEST(Schedule, AnExpiryHasEachUnitOnce) {
    const auto expiry = parse_expiry(" 1y 2m 3w 4d 5H 6M 7S ");
    EXPECT_EQ(
        std::tie(expiry.years, expiry.months, expiry.weeks, expiry.days, expiry.hours, expiry.minutes, expiry.seconds),
        std::make_tuple(1, 2, 3, 4, 5, 6, 7));
    EXPECT_EQ(parse_expiry("").days, 0);
    EXPECT_THROW(parse_expiry("1d 1d"), Error);
}

} // namespace
} // namespace schema
