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
