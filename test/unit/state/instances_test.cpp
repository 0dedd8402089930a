#include "daemon/state/instances.h"

#include "daemon/state/pools.h"
#include "daemon/state/profiles.h"
#include "test/unit/state/store_test.h"

namespace state {
namespace {

using test::error_of;

struct InstancesTest : test::StoreTest {
    Instances instances{database};

    InstancesTest() {
        Pools(database).insert(test::pool("default", "dir"));
        Pools(database).insert(test::pool("fast", "btrfs"));
        for (const auto* name : {"default", "docker", "web"}) {
            schema::Profile profile;
            profile.name = name;
            Profiles(database).insert(profile);
        }
    }

    static InstanceRow row(const std::string& name) {
        InstanceRow row;
        row.name = name;
        row.pool = "default";
        row.put.architecture = "x86_64";
        row.put.config = {{"limits.memory", "1GiB"}, {"volatile.base_image", "f00"}};
        row.put.devices = {{"root", {{"type", "disk"}, {"path", "/"}}}};
        row.put.ephemeral = true;
        row.put.profiles = {"web", "default"};
        row.put.description = "a \"description\"";
        row.created_at = schema::parse_rfc3339("2026-01-02T03:04:05.123456789Z");
        return row;
    }
};

void expect_equal(const InstanceRow& left, const InstanceRow& right) {
    EXPECT_EQ(left.name, right.name);
    EXPECT_EQ(left.pool, right.pool);
    EXPECT_EQ(left.put, right.put);
    EXPECT_EQ(left.created_at, right.created_at);
    EXPECT_EQ(left.last_used_at, right.last_used_at);
}

TEST_F(InstancesTest, AnInstanceComesBackAsItWasInserted) {
    const auto id = instances.insert(row("c1"));
    EXPECT_GT(id, 0);
    const auto found = instances.find("c1");
    ASSERT_TRUE(found);
    expect_equal(*found, row("c1"));
    EXPECT_EQ(found->id, id);
}

TEST_F(InstancesTest, TheListIsByNameAndWhole) {
    instances.insert(row("c2"));
    instances.insert(row("c1"));
    const auto list = instances.list();
    ASSERT_EQ(list.size(), 2U);
    expect_equal(list[0], row("c1"));
    expect_equal(list[1], row("c2"));
}

TEST_F(InstancesTest, ATakenNameIsAConflictAndChangesNothing) {
    instances.insert(row("c1"));
    auto other = row("c1");
    other.put.config = {};
    EXPECT_EQ(error_of([&] { instances.insert(other); }), "409 Instance \"c1\" already exists");
    expect_equal(*instances.find("c1"), row("c1"));
}

TEST_F(InstancesTest, AnUnknownProfileOrPoolLeavesNoInstance) {
    auto odd = row("c1");
    odd.put.profiles = {"default", "none"};
    EXPECT_EQ(error_of([&] { instances.insert(odd); }), "404 Profile \"none\" not found");
    odd = row("c1");
    odd.pool = "none";
    EXPECT_EQ(error_of([&] { instances.insert(odd); }), "404 Storage pool not found");
    EXPECT_TRUE(instances.list().empty());
}

TEST_F(InstancesTest, AnUpdateReplacesAllButIdAndName) {
    const auto id = instances.insert(row("c1"));
    auto changed = row("c1");
    changed.pool = "fast";
    changed.put = {};
    changed.put.profiles = {"docker"};
    changed.put.stateful = true;
    changed.last_used_at = schema::parse_rfc3339("2026-02-02T00:00:00Z");
    instances.update(changed);
    expect_equal(*instances.find("c1"), changed);
    EXPECT_EQ(instances.find("c1")->id, id);
}

TEST_F(InstancesTest, SettingAndRemovingKeysLeavesTheOthers) {
    instances.insert(row("c1"));
    instances.set_config("c1", {{"volatile.last_state.power", "RUNNING"}, {"volatile.base_image", ""}});
    EXPECT_EQ(instances.find("c1")->put.config,
              (schema::Config{{"limits.memory", "1GiB"}, {"volatile.last_state.power", "RUNNING"}}));
}

TEST_F(InstancesTest, ARenameKeepsEverythingElse) {
    const auto id = instances.insert(row("c1"));
    instances.insert(row("c2"));
    EXPECT_EQ(error_of([&] { instances.rename("c1", "c2"); }), "409 Name \"c2\" already in use");
    instances.rename("c1", "c3");
    EXPECT_FALSE(instances.find("c1"));
    expect_equal(*instances.find("c3"), row("c3"));
    EXPECT_EQ(instances.find("c3")->id, id);
}

TEST_F(InstancesTest, AnIdIsNeverGivenAgain) {
    const auto id = instances.insert(row("c1"));
    instances.remove("c1");
    EXPECT_GT(instances.insert(row("c1")), id);
}

TEST_F(InstancesTest, ChangingAMissingInstanceIsNotFound) {
    const std::string expected = "404 Instance not found";
    EXPECT_EQ(error_of([&] { instances.update(row("c1")); }), expected);
    EXPECT_EQ(error_of([&] { instances.set_config("c1", {{"a", "b"}}); }), expected);
    EXPECT_EQ(error_of([&] { instances.rename("c1", "c2"); }), expected);
    EXPECT_EQ(error_of([&] { instances.remove("c1"); }), expected);
}

TEST_F(InstancesTest, APoolInUseStays) {
    instances.insert(row("c1"));
    Pools pools(database);
    EXPECT_EQ(error_of([&] { pools.remove("default"); }), "400 The storage pool is currently in use");
    EXPECT_TRUE(pools.find("default"));
}

} // namespace
} // namespace state
