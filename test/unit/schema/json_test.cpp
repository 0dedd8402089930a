#include "schema/json.h"

#include <gtest/gtest.h>

#include "schema/error.h"

using schema::Json;

TEST(Json, RoundTripKeepsOrderAndKinds) {
    const std::string text = R"({"b":1,"a":[true,null,"x",1.5],"c":{"d":-9007199254740993}})";
    EXPECT_EQ(Json::parse(text).dump(), text);
}

TEST(Json, LastOfTwoEqualKeysWins) {
    EXPECT_EQ(Json::parse(R"({"a":1,"a":2})")["a"].as_integer(), 2);
}

TEST(Json, MalformedTextIsABadRequestThatSaysWhere) {
    for (const auto* text : {"", "{", "{\"a\":}", "[1,]", "nul", "{} x", "\"\xff\""}) {
        try {
            Json::parse(text);
            ADD_FAILURE() << text;
        } catch (const schema::Error& error) {
            EXPECT_EQ(error.kind(), schema::ErrorKind::bad_request);
            EXPECT_NE(std::string(error.what()).find("at byte"), std::string::npos) << error.what();
        }
    }
}

TEST(Json, DeepNestingIsRefusedWithoutOverflow) {
    EXPECT_THROW(Json::parse(std::string(1'000'000, '[')), schema::Error);
}

TEST(Json, ReadNamesTheMemberOfAnotherType) {
    std::map<std::string, std::string> config;
    try {
        schema::json::read(Json::parse(R"({"config":{"limits.cpu":4}})"), "config", config);
        FAIL();
    } catch (const schema::Error& error) {
        EXPECT_EQ(std::string(error.what()), "config: limits.cpu: Invalid JSON value: expected string, got number");
    }
}

TEST(Json, BytesThatAreNoUtf8AreWrittenAsTheReplacementCharacter) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (const auto& [text, written] : cases) {
        EXPECT_EQ(Json(text).dump(), '"' + written + '"');
        EXPECT_EQ(Json::parse(Json(text).dump()).as_string(), written);
    }
}

TEST(Json, NullAndMissingLeaveAFieldAlone) {
    int field = 7;
    schema::json::read(Json::parse(R"({"a":null})"), "a", field);
    schema::json::read(Json::parse("{}"), "a", field);
    EXPECT_EQ(field, 7);
}
