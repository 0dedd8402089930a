#include "schema/api/backup.h"

#include <gtest/gtest.h>

#include "schema/error.h"
#include "schema/yaml.h"

namespace schema {
namespace {

BackupIndex sample() {
    BackupIndex index;
    index.name = "c1";
    index.backend = "dir";
    index.pool = "default";
    index.snapshots = {"s0"};
    auto& config = index.config.emplace();
    auto& instance = config.instance.emplace();
    instance.name = "c1";
    instance.architecture = "x86_64";
    instance.config = {
        {"limits.cpu", "2"}, {"user.yes", "true"}, {"user.text", "a: \"b\"\n  c\\"}, {"user.null", "null"}};
    instance.devices = {{"root", {{"path", "/"}, {"pool", "default"}, {"type", "disk"}}}};
    instance.profiles = {"default", "y"};
    instance.created_at = parse_rfc3339("2022-10-01T12:00:00.5Z");
    BackedUpSnapshot snapshot;
    snapshot.name = "s0";
    snapshot.config = {{"user.number", "007"}};
    config.snapshots.push_back(snapshot);
    config.pool.emplace().name = "default";
    config.volume.emplace().name = "c1";
    return index;
}

BackupConfig config_of(const BackupIndex& index) {
    return index.config.value_or(BackupConfig());
}
Instance instance_of(const BackupConfig& config) {
    return config.instance.value_or(Instance());
}

TEST(Backup, WhatIsWrittenIsReadAsTheSame) {
    const auto wanted = sample();
    const auto read = backup_index_from_yaml(index_yaml(wanted));
    EXPECT_EQ(index_yaml(read), index_yaml(wanted));
    const auto instance = instance_of(config_of(read));
    EXPECT_EQ(instance.config, instance_of(config_of(wanted)).config);
    EXPECT_EQ(instance.created_at, instance_of(config_of(wanted)).created_at);
    EXPECT_EQ(config_of(read).snapshots.at(0).config.at("user.number"), "007");
}

TEST(Backup, PlainScalarsOfConfigurationAreTexts) {
    const auto config =
        backup_config_from_yaml("container: {name: c1, ephemeral: true, config: {a: 1, b: true, c: ~}}");
    EXPECT_EQ(instance_of(config).config, (Config{{"a", "1"}, {"b", "true"}, {"c", ""}}));
    EXPECT_TRUE(instance_of(config).ephemeral);
}

TEST(Backup, AVolumesIndexIsReadAsLxdWritesIt) {
    const auto index = backup_index_from_yaml(R"(name: v1
backend: btrfs
pool: fast
snapshots:
- first
optimized: false
optimized_header: false
type: custom
config:
  volume:
    config:
      user.colour: red
      volatile.idmap.last: '[]'
    description: words
    name: v1
    type: custom
    used_by: []
    location: none
    content_type: filesystem
    project: default
    created_at: 2022-10-01T12:00:00.5Z
  volume_snapshots:
  - description: then
    expires_at: 0001-01-01T00:00:00Z
    name: v1/first
    config:
      size: 1GiB
    content_type: filesystem
    created_at: 0001-01-01T00:00:00Z
)");
    EXPECT_EQ(index.type, "custom");
    EXPECT_EQ(index.snapshots, std::vector<std::string>{"first"});
    const auto config = config_of(index);
    EXPECT_FALSE(config.instance);
    const auto volume = config.volume.value_or(StorageVolume());
    EXPECT_EQ(volume.config, (Config{{"user.colour", "red"}, {"volatile.idmap.last", "[]"}}));
    EXPECT_EQ(volume.description, "words");
    const auto& snapshot = config.volume_snapshots.at(0);
    EXPECT_EQ(snapshot.name, "first");
    EXPECT_EQ(snapshot.config, (Config{{"size", "1GiB"}}));
    EXPECT_EQ(snapshot.expires_at.value_or(Time::max()), Time{});
    EXPECT_EQ(snapshot.created_at, Time{});
}

TEST(Backup, InstancesAndVolumesHaveWordsOfTheirOwnForWhatLeavesSnapshotsOut) {
    const auto left_out = [](const char* text, auto read) { return read(Json::parse(text)).without_snapshots; };
    EXPECT_TRUE(left_out(R"({"instance_only": true})", instance_backups_post_from));
    EXPECT_TRUE(left_out(R"({"container_only": true})", instance_backups_post_from));
    EXPECT_FALSE(left_out(R"({"volume_only": true})", instance_backups_post_from));
    EXPECT_TRUE(left_out(R"({"volume_only": true, "expires_at": ""})", volume_backups_post_from));
    EXPECT_FALSE(left_out(R"({"instance_only": true})", volume_backups_post_from));
    Backup backup;
    backup.without_snapshots = true;
    EXPECT_EQ(volume_backup_json(backup)["volume_only"], Json(true));
    EXPECT_EQ(volume_backup_json(backup).find("instance_only"), nullptr);
    EXPECT_EQ(instance_backup_json(backup)["container_only"], Json(true));
}

TEST(Backup, BadIndexesAreRefused) {
    for (const auto* text : {"", "[", "- a", "backend: dir", "name: c\nsnapshots: ['../x']",
                             "name: c\nsnapshots: [a, a]", "name: c\nsnapshots: {a: b}", "name: c\nconfig: 1",
                             "name: c\nconfig: {container: {config: [1]}}", "x: &x {y: *x}\nname: c"})
        EXPECT_THROW(backup_index_from_yaml(text), Error) << text;
}

TEST(Yaml, AliasesDoNotGrowWithoutEnd) {
    std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int level = 1; level < 9; ++level) {
        bomb += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [";
        for (int copy = 0; copy < 10; ++copy) bomb += "*a" + std::to_string(level - 1) + ",";
        bomb += "]\n";
    }
    EXPECT_THROW(json_from_yaml(bomb), Error);
}

TEST(Backup, TextsThatAreNoUtf8AreRefusedWithTheirLine) {
    for (const auto* const text : {"a: 1\nb: \xff", "a: 1\n\xc3: 2", "a: 1\nb: \xed\xa0\x80", "a: 1\nb: \xc0\xaf"})
        try {
            json_from_yaml(text);
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_STREQ(error.what(), "yaml: line 2: invalid UTF-8");
        }
    EXPECT_EQ(json_from_yaml("a: \xc3\xa9").as_object().front().second.as_string(), "\xc3\xa9");
}

} // namespace
} // namespace schema
