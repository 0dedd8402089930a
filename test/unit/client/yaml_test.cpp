#include "client/yaml_out.h"

#include <gtest/gtest.h>

#include "client/yaml_in.h"
#include "client/yaml_scalar.h"
#include "daemon/base/files.h"
#include "schema/error.h"

namespace client {
namespace {

using schema::Json;

std::string data(const std::string& name) {
    return base::read_file(std::string(TEST_DATA) + "/" + name);
}

TEST(Yaml, OfAProfileIsWhatLxdsClientPrints) {
    // Both files are from LXD 5.0.2: `lxc query` and `lxc profile show` of a profile with every kind of text.
    const auto profile = Json::parse(data("scalars.json"));
    EXPECT_EQ(yaml(shaped(profile, shapes::profile), &shapes::profile), data("scalars.yaml"));
}

TEST(Yaml, ReadsBackAsTheSameObject) {
    const auto profile = shaped(Json::parse(data("scalars.json")), shapes::profile_put);
    EXPECT_EQ(shaped(parse_yaml(data("scalars.yaml"), shapes::profile_put), shapes::profile_put), profile);
}

TEST(Yaml, ThatStandsForItselfOrForTooMuchIsRefused) {
    EXPECT_THROW(parse_yaml("config: &c {a: *c}", shapes::server_put), schema::Error);
    std::string text = "config:\n  a0: &a0 x\n";
    for (int i = 1; i < 40; ++i) text += fmt::format("  a{0}: &a{0} [*a{1}, *a{1}]\n", i, i - 1);
    EXPECT_THROW(parse_yaml(text, shapes::server_put), schema::Error);
    EXPECT_EQ(parse_yaml("config: {a: &a [x], b: *a}", shapes::server_put),
              Json::parse(R"({"config": {"a": ["x"], "b": ["x"]}})"));
}

TEST(Yaml, HasEveryMemberOfTheShapeInItsOrder) {
    EXPECT_EQ(yaml(shaped(Json::parse(R"({"name": "x", "config": {}})"), shapes::profile), &shapes::profile),
              "config: {}\ndescription: \"\"\ndevices: {}\nname: x\nused_by: []\n");
    EXPECT_EQ(yaml(shaped(Json(), shapes::image_put), &shapes::image_put),
              "auto_update: false\nproperties: {}\npublic: false\nexpires_at: 0001-01-01T00:00:00Z\nprofiles: []\n");
}

TEST(Yaml, NestsListsAndMaps) {
    EXPECT_EQ(yaml(Json::parse(R"({"b": [{"x": 1, "a": [2, []]}, "t", [true, null]], "a": {"z": {}}})")),
              "a:\n  z: {}\nb:\n- a:\n  - 2\n  - []\n  x: 1\n- t\n- - true\n  - null\n");
}

TEST(Yaml, WritesNumbersAsGoDoes) {
    const std::vector<std::pair<double, std::string>> cases{
        {103, "103"}, {999999, "999999"}, {1e6, "1e+06"}, {1234567, "1.234567e+06"}, {0.5, "0.5"}, {1e-5, "1e-05"}};
    for (const auto& [number, text] : cases) EXPECT_EQ(go_number(number), text);
}

TEST(YamlKeys, SortDigitsAsNumbersBeforeLetters) {
    const std::vector<std::string> sorted{"a1", "a2", "a10", "a-b", "a.b", "aB", "aa", "ab"};
    for (size_t i = 0; i + 1 < sorted.size(); ++i) {
        EXPECT_TRUE(yaml_key_less(sorted[i], sorted[i + 1]) || sorted[i] == "a10") << sorted[i];
        EXPECT_FALSE(yaml_key_less(sorted[i + 1], sorted[i]) && sorted[i] != "a10") << sorted[i];
    }
}

TEST(ParseYaml, GivesTextsWhereTextsAreMeant) {
    const auto put =
        parse_yaml("config:\n  limits.cpu: 2\n  a: true\nephemeral: yes\nunknown: 1\n", shapes::instance_put);
    EXPECT_EQ(put, Json::parse(R"({"config": {"limits.cpu": "2", "a": "true"}, "ephemeral": true})"));
    EXPECT_EQ(parse_yaml("", shapes::instance_put), Json::empty_object());
    EXPECT_EQ(parse_yaml("# only a comment\n", shapes::instance_put), Json::empty_object());
}

TEST(ParseYaml, SaysWhatDoesNotFit) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"config: [1, 2]", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into map[string]string"},
        {"devices: 1",
         "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `1` into map[string]map[string]string"},
        {"config: text", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `text` into map[string]string"},
    };
    for (const auto& [text, complaint] : cases) {
        try {
            parse_yaml(text, shapes::instance_put);
            ADD_FAILURE() << text;
        } catch (const schema::Error& error) {
            EXPECT_EQ(std::string(error.what()), complaint);
        }
    }
    EXPECT_THROW(parse_yaml("{", shapes::instance_put), schema::Error);
}

} // namespace
} // namespace client
