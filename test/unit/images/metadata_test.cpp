#include "daemon/images/metadata.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/error.h"

namespace images {

namespace {

TEST(Metadata, IsReadFromYaml) {
    const auto metadata = parse_metadata("architecture: amd64\n"
                                         "creation_date: 1700000000\n"
                                         "expiry_date: 1800000000\n"
                                         "properties:\n  os: Debian\n  release: 12\n  nothing:\n"
                                         "templates:\n  /etc/hostname:\n    when: [create]\n");
    EXPECT_EQ(metadata.architecture, "x86_64");
    EXPECT_EQ(metadata.creation_date, 1700000000);
    EXPECT_EQ(metadata.expiry_date, 1800000000);
    EXPECT_EQ(metadata.properties, (schema::Config{{"os", "Debian"}, {"release", "12"}, {"nothing", ""}}));
}

TEST(Metadata, IsRefusedWithItsReason) {
    struct Row {
        std::string yaml;
        const char* message;
    };
    for (const auto& [yaml, message] : std::vector<Row>{
             {"", "it is no map"},
             {"just text", "it is no map"},
             {"architecture: [", "Invalid metadata.yaml"},
             {"creation_date: 1", "Architecture isn't supported: "},
             {"architecture: z80\ncreation_date: 1", "Architecture isn't supported: z80"},
             {"architecture: x86_64", "Missing creation date"},
             {"architecture: x86_64\ncreation_date: yesterday", "Invalid metadata.yaml"},
             {"architecture: x86_64\ncreation_date: 99999999999999", "a date is out of range"},
             {"architecture: x86_64\ncreation_date: 1\nproperties: {a: [1]}", "Invalid metadata.yaml"},
             {"architecture: x86_64\ncreation_date: 1\nx: " + std::string(100000, '['), "Invalid metadata.yaml"},
         }) {
        try {
            parse_metadata(yaml);
            ADD_FAILURE() << yaml;
        } catch (const schema::Error& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr(message));
        }
    }
}

TEST(Metadata, HasTemplates) {
    const auto metadata = read_metadata("templates:\n"
                                        "  /etc/hostname:\n    when: [create, copy]\n    template: hostname.tpl\n"
                                        "    create_only: yes\n    properties: {a: 1}\n"
                                        "  /empty:\n");
    const auto templates = metadata.templates.value_or(std::map<std::string, schema::ImageTemplate>());
    const auto& one = templates.at("/etc/hostname");
    EXPECT_EQ(one.when, (std::vector<std::string>{"create", "copy"}));
    EXPECT_EQ(one.source, "hostname.tpl");
    EXPECT_TRUE(one.create_only);
    EXPECT_EQ(one.properties, (schema::Config{{"a", "1"}}));
    EXPECT_FALSE(templates.at("/empty").when);
    EXPECT_FALSE(metadata.properties);
    for (const auto* wrong : {"templates: 1", "templates: {/a: text}", "templates: {/a: {when: start}}",
                              "templates: {/a: {create_only: [1]}}", "properties: [1]", "creation_date: soon"})
        EXPECT_THROW(read_metadata(wrong), schema::Error) << wrong;
}

TEST(Metadata, ReadsBackWhatItWrites) {
    schema::ImageMetadata metadata{
        "x86_64", 1700000000, 0, schema::Config{{"yes", "true"}, {"n", "12"}, {"e", ""}}, {}};
    metadata.templates.emplace();
    (*metadata.templates)["/etc/a: b"] = {std::vector<std::string>{"start"}, true, "a\"b\n#.tpl",
                                          schema::Config{{"k", "~"}}};
    EXPECT_EQ(to_json(read_metadata(metadata_yaml(metadata))), to_json(metadata)) << metadata_yaml(metadata);
}

TEST(Metadata, AliasesThatStandForTooMuchAreRefused) {
    EXPECT_EQ(read_metadata("properties: {a: &a text, b: *a}").properties,
              (schema::Config{{"a", "text"}, {"b", "text"}}));
    std::string list;
    std::string map;
    for (int i = 0; i < 1000; ++i) {
        list += "a,";
        map += fmt::format("k{}: v,", i);
    }
    const std::pair<std::string, const char*> cases[] = {
        {"[" + list + "]", "{when: *a}"}, {"{" + map + "}", "*a"}, {std::string(10'000, 'x'), "{template: *a}"}};
    for (const auto& [anchored, use] : cases) {
        auto text = fmt::format("unused: &a {}\ntemplates:\n", anchored);
        for (int i = 0; i < 1000; ++i) text += fmt::format(" a{}: {}\n", i, use);
        try {
            read_metadata(text);
            ADD_FAILURE() << use;
        } catch (const schema::Error& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr("with its aliases")) << use;
        }
    }
}

} // namespace

} // namespace images
