#include "client/render/table.h"

#include <gtest/gtest.h>

#include "client/render/sort.h"
#include "schema/error.h"

namespace client {
namespace {

const Row header{"NAME", "STATE", "IPV4", "config.key"};
const std::vector<Row> rows{{"c1", "RUNNING", "10.0.0.2 (eth0)\n10.0.0.1 (eth0)", ""}, {"日本", "STOPPED", "", "x"}};

TEST(Table, HasRulesBetweenRowsAndCentredHeaders) {
    EXPECT_EQ(table(header, rows), "+------+---------+-----------------+------------+\n"
                                   "| NAME |  STATE  |      IPV4       | CONFIG KEY |\n"
                                   "+------+---------+-----------------+------------+\n"
                                   "| c1   | RUNNING | 10.0.0.2 (eth0) |            |\n"
                                   "|      |         | 10.0.0.1 (eth0) |            |\n"
                                   "+------+---------+-----------------+------------+\n"
                                   "| 日本 | STOPPED |                 | x          |\n"
                                   "+------+---------+-----------------+------------+\n");
}

TEST(Table, OfNothingIsItsHeader) {
    EXPECT_EQ(table({"NAME"}, {}), "+------+\n| NAME |\n+------+\n");
}

TEST(Compact, HasNoLines) {
    EXPECT_EQ(
        compact({"NAME", "STATE", "IPV4", "IPV6", "TYPE", "SNAPSHOTS"}, {{"c1", "RUNNING", "", "", "CONTAINER", "0"}}),
        "  NAME   STATE   IPV4  IPV6    TYPE     SNAPSHOTS  \n"
        "  c1    RUNNING              CONTAINER  0          \n");
}

TEST(Csv, QuotesWhatNeedsIt) {
    EXPECT_EQ(csv({{"a", "b,c", "say \"x\"", "two\nlines", "", " lead", "trail "}}),
              "a,\"b,c\",\"say \"\"x\"\"\",\"two\nlines\",,\" lead\",trail \n");
}

TEST(Render, RefusesUnknownFormats) {
    EXPECT_THROW(render({header, rows, {}, nullptr}, "html"), schema::Error);
    EXPECT_EQ(render({{}, {}, schema::Json("<a&b>"), nullptr}, "json"), "\"\\u003ca\\u0026b\\u003e\"\n");
}

TEST(Sort, PutsNumbersInOrderAndBlanksLast) {
    std::vector<Row> list{{"c10"}, {""}, {"c2"}, {"c1", "b"}, {"c1", "a"}, {"C3"}, {"c02"}};
    sort_rows(list);
    EXPECT_EQ(list, (std::vector<Row>{{"C3"}, {"c1", "a"}, {"c1", "b"}, {"c2"}, {"c02"}, {"c10"}, {""}}));
}

} // namespace
} // namespace client
