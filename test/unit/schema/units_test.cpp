#include "schema/units.h"

#include <gtest/gtest.h>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {
namespace {

std::string refusal_of(int64_t (*parse)(std::string_view), std::string_view text) {
    try {
        parse(text);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_request);
        return error.what();
    }
    return "no error";
}

TEST(Units, SizesHaveDecimalAndBinarySteps) {
    const std::pair<std::string_view, int64_t> table[] = {
        {"", 0},
        {"0", 0},
        {"512", 512},
        {"7B", 7},
        {"7 bytes", 7},
        {"1kB", 1000},
        {"1KiB", 1024},
        {"100MB", 100'000'000},
        {"1GiB", 1 << 30},
        {"2TB", 2'000'000'000'000},
        {"8EB", 8'000'000'000'000'000'000},
        {"1PiB", 1LL << 50},
    };
    for (const auto& [text, bytes] : table) EXPECT_EQ(parse_bytes(text), bytes) << text;
}

TEST(Units, BadSizesAreRefusedWithLxdsTexts) {
    EXPECT_EQ(refusal_of(parse_bytes, "abc"), "Invalid value: abc");
    EXPECT_EQ(refusal_of(parse_bytes, "1kb"), "Invalid value: 1kb");
    EXPECT_EQ(refusal_of(parse_bytes, "1.5GB"), "Invalid value: 1.5GB");
    EXPECT_EQ(refusal_of(parse_bytes, "-1"), "Invalid value: -1");
    EXPECT_EQ(refusal_of(parse_bytes, "99999999999999999999"), "Invalid integer: 99999999999999999999");
    EXPECT_EQ(refusal_of(parse_bytes, "10EB"), "Overflow multiplying 10 with 1000000000000000000");
    EXPECT_EQ(refusal_of(parse_bits, "1Xbit"), "Unsupported suffix: Xbit");
}

TEST(Units, BitsHaveDecimalAndBinarySteps) {
    EXPECT_EQ(parse_bits("100Mbit"), 100'000'000);
    EXPECT_EQ(parse_bits("1Kibit"), 1024);
    EXPECT_EQ(parse_bits("9"), 9);
}

TEST(Units, APercentageIsOfTheTotalInWholeHundredths) {
    EXPECT_EQ(parse_bytes_or_percent("50%", 1050), 500);
    EXPECT_EQ(parse_bytes_or_percent("2MB", 1050), 2'000'000);
    EXPECT_THROW(parse_bytes_or_percent("x%", 1050), Error);
}

TEST(Units, SizesAreShownWithOneUnit) {
    EXPECT_EQ(format_bytes(999), "999B");
    EXPECT_EQ(format_bytes(1500), "1.50kB");
    EXPECT_EQ(format_bytes(136'000'000), "136.00MB");
    EXPECT_EQ(format_bytes_iec(1 << 20), "1.00MiB");
    EXPECT_EQ(format_bytes_iec(1536, 1), "1.5KiB");
}

TEST(Units, CpuSetsGoBothWays) {
    EXPECT_EQ(parse_cpu_set("0-3,7"), (std::set<unsigned>{0, 1, 2, 3, 7}));
    EXPECT_EQ(parse_cpu_set("1-1\n"), (std::set<unsigned>{1}));
    EXPECT_TRUE(parse_cpu_set("").empty());
    EXPECT_EQ(format_cpu_set({0, 1, 2, 3, 7}), "0-3,7");
    EXPECT_EQ(format_cpu_set({1}), "1");
    EXPECT_EQ(format_cpu_set({}), "");
    EXPECT_THROW(parse_cpu_set("a-b"), Error);
    EXPECT_THROW(parse_cpu_set("0-4000000000"), Error);
}

TEST(Values, BooleansAreReadWithoutRegardToCase) {
    for (const auto* value : {"true", "Yes", "1", "ON"}) EXPECT_TRUE(is_true(value) && !is_false(value)) << value;
    for (const auto* value : {"false", "No", "0", "OFF"}) EXPECT_TRUE(is_false(value) && !is_true(value)) << value;
    EXPECT_FALSE(is_true("") || is_false(""));
}

TEST(Values, IntegersFillTheWholeText) {
    EXPECT_EQ(parse_integer("-5"), -5);
    EXPECT_EQ(parse_integer("+5"), 5);
    for (const auto* text : {"", "5x", " 5", "0x10", "+-5", "9223372036854775808"})
        EXPECT_FALSE(parse_integer(text)) << text;
}

TEST(Values, QuotingEscapesAsGoDoes) {
    EXPECT_EQ(quoted("a\"b\\c\n\x01"), R"("a\"b\\c\n\x01")");
}

} // namespace
} // namespace schema
