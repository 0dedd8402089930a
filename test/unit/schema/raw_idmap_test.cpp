#include "schema/raw_idmap.h"

#include <gtest/gtest.h>

#include "schema/error.h"

namespace schema {
namespace {

std::string refusal_of(std::string_view text) {
    try {
        parse_raw_idmap(text);
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

TEST(RawIdMap, HasALineARange) {
    const IdMap expected = {{true, true, 1000, 0, 1}, {true, false, 1005, 1100, 3}, {false, true, 50, 1100, 1}};
    EXPECT_EQ(parse_raw_idmap("both 1000 0\n\nuid 1005-1007 1100-1102\ngid 50 1100\n"), expected);
    EXPECT_TRUE(parse_raw_idmap("").empty());
}

TEST(RawIdMap, BadLinesAreRefusedWithLxdsTexts) {
    const std::pair<const char*, const char*> table[] = {
        {"foo", "Invalid ID map line \"foo\""},
        {"both  1000 1000", "Invalid ID map line \"both  1000 1000\""},
        {"x 1000 1000", "Invalid ID map type \"x 1000 1000\""},
        {"both 1000 1000-1001", "The ID map ranges are of different sizes \"both 1000 1000-1001\""},
        {"both 1-2-3 1000", "Invalid ID Map range \"1-2-3\""},
        {"both 5-4 1000", "Invalid ID Map range \"5-4\""},
        {"both a 1000", "strconv.ParseInt: parsing \"a\": invalid syntax"},
        {"both -1 1000", "strconv.ParseInt: parsing \"\": invalid syntax"},
        {"both 1000 4294967295", "strconv.ParseInt: parsing \"4294967295\": value out of range"},
        {"uid 1000-1010 0-10\nuid 1010 50", "Host id is in the range of subids"},
    };
    for (const auto& [text, refusal] : table) EXPECT_EQ(refusal_of(text), refusal);
}

TEST(Punch, TakesThePlaceOfWhatTheMapHad) {
    IdMap map = {{true, false, 100000, 0, 100}};
    punch(map, {true, false, 5, 10, 20});
    EXPECT_EQ(map, (IdMap{{true, false, 100000, 0, 10}, {true, false, 5, 10, 20}, {true, false, 100030, 30, 70}}));
    punch(map, {true, false, 60, 90, 20});
    EXPECT_EQ(map, (IdMap{{true, false, 100000, 0, 10},
                          {true, false, 5, 10, 20},
                          {true, false, 100030, 30, 60},
                          {true, false, 60, 90, 20}}));
}

TEST(Punch, LeavesTheOtherKindAlone) {
    IdMap map = {{true, false, 100000, 0, 100}, {false, true, 100000, 0, 100}};
    punch(map, {false, true, 100, 0, 100});
    EXPECT_EQ(map, (IdMap{{true, false, 100000, 0, 100}, {false, true, 100, 0, 100}}));
}

} // namespace
} // namespace schema
