#include "schema/filter.h"

#include <gtest/gtest.h>

#include "schema/error.h"

namespace schema {
namespace {

const Json instance = Json::parse(R"({
    "name": "c1", "status": "Running", "architecture": "x86_64", "stateful": false, "profiles": ["default"],
    "config": {"image.os": "BusyBox", "user.note": "two words"},
    "expanded_devices": {"root": {"path": "/", "pool": "default", "type": "disk"}}
})");

bool matches(std::string_view text) {
    return Filter::parse(text).matches(instance);
}

TEST(Filter, ComparesFieldsByDottedName) {
    EXPECT_TRUE(matches("name eq c1"));
    EXPECT_TRUE(matches("architecture eq x86_64"));
    EXPECT_FALSE(matches("architecture eq i686"));
    EXPECT_TRUE(matches("config.image.os eq BusyBox and expanded_devices.root.path eq /"));
    EXPECT_TRUE(matches("stateful eq false"));
}

TEST(Filter, JoinsClausesFromLeftToRight) {
    EXPECT_TRUE(matches("name eq c2 or status eq Running"));
    EXPECT_FALSE(matches("name eq c2 or name eq c3"));
    EXPECT_FALSE(matches("name eq c1 or name eq c2 and name eq c3"));
}

TEST(Filter, NegatesWithNeAndNot) {
    EXPECT_TRUE(matches("name ne c2"));
    EXPECT_TRUE(matches("not name eq c2"));
    EXPECT_TRUE(matches("NOT name ne c1"));
}

TEST(Filter, ValuesAreWholeExpressionsWithoutRegardToCase) {
    EXPECT_TRUE(matches("status eq running"));
    EXPECT_TRUE(matches("name eq c.*"));
    EXPECT_TRUE(matches("name eq c\\d"));
    EXPECT_TRUE(matches("name eq (?:a|c)1"));
    EXPECT_FALSE(matches("name eq c"));
    EXPECT_TRUE(matches("name eq ^c"));
    EXPECT_FALSE(matches("name eq [")); // no expression: compared as text
}

std::string repeated(const std::string& text, size_t times) {
    std::string all;
    for (size_t i = 0; i < times; ++i) all += text;
    return all;
}

TEST(Filter, WhatGoTakesForNoExpressionIsComparedAsText) {
    EXPECT_FALSE(matches("name eq ((((a{1,255}){1,255}){1,255}){1,255})*"));
    EXPECT_FALSE(matches("name eq (.)(.)\\1"));
    EXPECT_FALSE(matches("name eq c" + repeated("+", 64) + "1"));
    EXPECT_FALSE(matches("name eq c" + repeated("*", 90) + "1"));
    EXPECT_TRUE(matches("name eq [a-z]{1,3}1"));
    EXPECT_TRUE(matches("name eq (c+)+\\d+"));
}

TEST(Filter, RepeatsWithinRepeatsTakeNoTime) {
    EXPECT_TRUE(matches("name eq " + repeated("(", 30) + "c" + repeated(")+", 30) + "1"));
    EXPECT_TRUE(matches("name eq " + repeated("(", 200) + "c" + repeated(")*", 200) + "1"));
    EXPECT_FALSE(matches("name eq (.*)*(.*)*(.*)*(.*)*(.*)*x"));
}

TEST(Filter, ManyClausesAreRefused) {
    std::string text = "name eq c1";
    for (int i = 1; i < 64; ++i) text += " and name eq c1";
    EXPECT_TRUE(matches(text));
    EXPECT_THROW(matches(text + " and name eq c1"), schema::Error);
}

TEST(Filter, QuotedValuesMayHoldSpaces) {
    EXPECT_TRUE(matches("config.user.note eq \"two words\" and name eq c1"));
    EXPECT_TRUE(matches("name eq \"c1\""));
}

TEST(Filter, AnUnsetKeyIsEmptyAndAnUnknownFieldEqualsNothing) {
    EXPECT_TRUE(matches("config.user.other ne x"));
    EXPECT_TRUE(matches("config.user.other eq .*"));
    EXPECT_FALSE(matches("nothing eq .*"));
    EXPECT_FALSE(matches("profiles eq default"));
}

TEST(Filter, AnEmptyTextMatchesEverything) {
    EXPECT_TRUE(matches(""));
}

TEST(Filter, MalformedTextsAreRefusedWithLxdsTexts) {
    const std::pair<std::string_view, std::string> table[] = {
        {"not", "incomplete not clause"},
        {"foo", "clause has no operator"},
        {"not foo", "clause has no operator"},
        {"foo eq", "clause has no value"},
        {"foo eq \"bar", "unterminated quote"},
        {"foo eq bar and", "unterminated compound clause"},
        {"foo eq \"bar egg\" and", "unterminated compound clause"},
        {"foo eq bar xxx", "invalid clause composition"},
    };
    for (const auto& [text, reason] : table) {
        try {
            Filter::parse(text);
            ADD_FAILURE() << text << " was taken";
        } catch (const Error& error) {
            EXPECT_EQ(error.what(), "Invalid filter: " + reason) << text;
            EXPECT_EQ(error.kind(), ErrorKind::bad_request);
        }
    }
}

} // namespace
} // namespace schema
