#include "daemon/state/snapshots.h"

#include <gmock/gmock.h>

#include "daemon/state/instances.h"
#include "daemon/state/pools.h"
#include "daemon/state/profiles.h"
#include "test/unit/state/store_test.h"

namespace state {
namespace {

using test::error_of;
using testing::ElementsAre;

struct SnapshotsTest : test::StoreTest {
    Instances instances{database};
    Profiles profiles{database};
    Snapshots snapshots{database};

    SnapshotsTest() {
        Pools(database).insert(test::pool("default", "dir"));
        for (const auto* name : {"default", "web"}) {
            schema::Profile profile;
            profile.name = name;
            profiles.insert(profile);
        }
        for (const auto* name : {"c1", "c2"}) {
            InstanceRow row;
            row.name = name;
            row.pool = "default";
            row.put.architecture = "x86_64";
            instances.insert(row);
        }
    }

    static SnapshotRow row(const std::string& instance, const std::string& name) {
        SnapshotRow row;
        row.instance = instance;
        row.name = name;
        row.put.architecture = "x86_64";
        row.put.config = {{"limits.memory", "1GiB"}, {"volatile.base_image", "f00"}};
        row.put.devices = {{"root", {{"type", "disk"}, {"path", "/"}}}, {"bare", {}}};
        row.put.ephemeral = true;
        row.put.stateful = true;
        row.put.profiles = {"web", "default"};
        row.put.description = "before the change";
        row.created_at = schema::parse_rfc3339("2026-01-02T03:04:05.123456789Z");
        row.expires_at = schema::parse_rfc3339("2026-02-02T03:04:05Z");
        row.volume_description = "of the disk";
        return row;
    }

    SnapshotRow found(const std::string& instance, const std::string& name) const {
        return snapshots.find(instance, name).value_or(SnapshotRow());
    }

    std::vector<std::string> names(const std::string& instance) const {
        std::vector<std::string> names;
        for (const auto& snapshot : snapshots.list(instance)) names.push_back(snapshot.name);
        return names;
    }
};

void expect_equal(const SnapshotRow& left, const SnapshotRow& right) {
    EXPECT_EQ(left.instance, right.instance);
    EXPECT_EQ(left.name, right.name);
    EXPECT_EQ(left.put, right.put);
    EXPECT_EQ(left.created_at, right.created_at);
    EXPECT_EQ(left.last_used_at, right.last_used_at);
    EXPECT_EQ(left.expires_at, right.expires_at);
    EXPECT_EQ(left.incomplete, right.incomplete);
    EXPECT_EQ(left.new_name, right.new_name);
    EXPECT_EQ(left.volume_description, right.volume_description);
}

TEST_F(SnapshotsTest, ASnapshotComesBackAsItWasInserted) {
    EXPECT_GT(snapshots.insert(row("c1", "s")), 0);
    expect_equal(found("c1", "s"), row("c1", "s"));
    ASSERT_EQ(snapshots.list().size(), 1U);
    expect_equal(snapshots.list().front(), row("c1", "s"));
    expect_equal(snapshots.list("c1").front(), row("c1", "s"));
    EXPECT_FALSE(snapshots.find("c2", "s"));
    EXPECT_FALSE(snapshots.find("c1", "t"));
}

TEST_F(SnapshotsTest, ItsVolumeIsDescribedApart) {
    const auto id = snapshots.insert(row("c1", "s"));
    snapshots.insert(row("c1", "t"));
    snapshots.set_volume_description(id, "changed");
    auto changed = row("c1", "s");
    changed.volume_description = "changed";
    expect_equal(found("c1", "s"), changed);
    expect_equal(found("c1", "t"), row("c1", "t"));
    EXPECT_EQ(error_of([&] { snapshots.set_volume_description(id + 9, ""); }), "404 Instance snapshot not found");
}

TEST_F(SnapshotsTest, TheListIsInTheOrderOfCreation) {
    snapshots.insert(row("c1", "z"));
    snapshots.insert(row("c1", "a"));
    auto earlier = row("c1", "m");
    earlier.created_at -= std::chrono::seconds(1);
    snapshots.insert(earlier);
    snapshots.insert(row("c2", "b"));
    EXPECT_THAT(names("c1"), ElementsAre("m", "z", "a"));
    EXPECT_EQ(snapshots.list().back().instance, "c2");
}

TEST_F(SnapshotsTest, NamesAreAnInstancesOwn) {
    snapshots.insert(row("c1", "s"));
    snapshots.insert(row("c2", "s"));
    auto other = row("c1", "s");
    other.put.config = {};
    EXPECT_EQ(error_of([&] { snapshots.insert(other); }), "409 This \"instances_snapshots\" entry already exists");
    expect_equal(found("c1", "s"), row("c1", "s"));
}

TEST_F(SnapshotsTest, AnUnknownInstanceOrProfileLeavesNoSnapshot) {
    EXPECT_EQ(error_of([&] { snapshots.insert(row("none", "s")); }), "404 Instance not found");
    auto odd = row("c1", "s");
    odd.put.profiles = {"default", "none"};
    EXPECT_EQ(error_of([&] { snapshots.insert(odd); }), "404 Profile \"none\" not found");
    EXPECT_TRUE(snapshots.list().empty());
}

TEST_F(SnapshotsTest, MarksAndTheExpiryChangeAlone) {
    auto expected = row("c1", "s");
    const auto id = snapshots.insert(expected);
    snapshots.set_incomplete(id, true);
    snapshots.set_new_name(id, "t");
    snapshots.set_expires_at(id, {});
    snapshots.set_devices(id, {{"root", {{"type", "none"}}}});
    snapshots.unset_config(id, "limits.memory");
    expected.incomplete = true;
    expected.new_name = "t";
    expected.expires_at = {};
    expected.put.devices = {{"root", {{"type", "none"}}}};
    expected.put.config.erase("limits.memory");
    expect_equal(found("c1", "s"), expected);
    EXPECT_EQ(error_of([&] { snapshots.set_incomplete(id + 1, true); }), "404 Instance snapshot not found");
    EXPECT_EQ(error_of([&] { snapshots.set_new_name(id + 1, "t"); }), "404 Instance snapshot not found");
    EXPECT_EQ(error_of([&] { snapshots.set_expires_at(id + 1, {}); }), "404 Instance snapshot not found");
}

TEST_F(SnapshotsTest, ARenameClearsItsMarkAndHeedsTakenNames) {
    const auto id = snapshots.insert(row("c1", "s"));
    snapshots.insert(row("c1", "t"));
    snapshots.set_new_name(id, "u");
    EXPECT_EQ(error_of([&] { snapshots.rename(id, "t"); }), "409 Snapshot \"t\" already exists");
    EXPECT_EQ(found("c1", "s").new_name, "u");
    snapshots.rename(id, "u");
    EXPECT_EQ(found("c1", "u").new_name, "");
    EXPECT_EQ(found("c1", "u").id, id);
    EXPECT_EQ(error_of([&] { snapshots.rename(id + 2, "v"); }), "404 Instance snapshot not found");
}

TEST_F(SnapshotsTest, SnapshotsFollowTheirInstance) {
    snapshots.insert(row("c1", "s"));
    instances.rename("c1", "c3");
    EXPECT_THAT(names("c3"), ElementsAre("s"));
    instances.remove("c3");
    EXPECT_TRUE(snapshots.list().empty());
}

TEST_F(SnapshotsTest, ARemovedSnapshotLeavesTheOthers) {
    const auto id = snapshots.insert(row("c1", "s"));
    snapshots.insert(row("c1", "t"));
    snapshots.remove(id);
    EXPECT_THAT(names("c1"), ElementsAre("t"));
    EXPECT_EQ(error_of([&] { snapshots.remove(id); }), "404 Instance snapshot not found");
}

TEST_F(SnapshotsTest, AProfileMayGoAndKeepsItsPlaceUnderANewName) {
    snapshots.insert(row("c1", "s"));
    profiles.rename("web", "site");
    EXPECT_THAT(found("c1", "s").put.profiles, ElementsAre("site", "default"));
    profiles.remove("site");
    EXPECT_THAT(found("c1", "s").put.profiles, ElementsAre("default"));
}

} // namespace
} // namespace state
