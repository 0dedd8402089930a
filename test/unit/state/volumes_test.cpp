#include "daemon/state/volumes.h"

#include "daemon/state/instances.h"
#include "daemon/state/pools.h"
#include "daemon/state/profiles.h"
#include "test/unit/state/store_test.h"

namespace state {
namespace {

using test::error_of;

struct VolumesTest : test::StoreTest {
    Pools pools{database};
    Volumes volumes{database};
    Instances instances{database};
    Profiles profiles{database};

    void SetUp() override {
        for (const auto* name : {"one", "two"}) {
            schema::StoragePool pool;
            pool.name = name;
            pool.driver = "dir";
            pools.insert(pool);
        }
    }

    static VolumeRow volume(const std::string& name, const std::string& pool = "one") {
        VolumeRow row;
        row.pool = pool;
        row.name = name;
        row.description = "words";
        row.config = {{"size", "1GiB"}, {"user.a", "b"}};
        row.created_at = schema::parse_rfc3339("2026-01-02T03:04:05.000000006Z");
        return row;
    }

    static VolumeSnapshotRow snapshot(const std::string& name) {
        VolumeSnapshotRow row;
        row.name = name;
        row.config = {{"size", "2GiB"}};
        row.expires_at = schema::parse_rfc3339("2027-01-02T03:04:05Z");
        return row;
    }

    static schema::Devices disk(const std::string& pool, const std::string& source) {
        return {{"data", {{"type", "disk"}, {"pool", pool}, {"source", source}, {"path", "/data"}}}};
    }
};

TEST_F(VolumesTest, AVolumeComesBackAsItWasInserted) {
    const auto id = volumes.insert(volume("data"));
    const auto found = volumes.find("one", "custom", "data");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, id);
    EXPECT_EQ(found->config, volume("data").config);
    EXPECT_EQ(found->description, "words");
    EXPECT_EQ(found->content_type, "filesystem");
    EXPECT_EQ(found->created_at, volume("data").created_at);
    EXPECT_FALSE(found->incomplete);
    EXPECT_FALSE(volumes.find("two", "custom", "data"));
    EXPECT_FALSE(volumes.find("one", "image", "data"));
}

TEST_F(VolumesTest, ANameIsTakenOnItsPoolAlone) {
    volumes.insert(volume("data"));
    EXPECT_EQ(error_of([&] { volumes.insert(volume("data")); }), "409 Volume by that name already exists");
    EXPECT_NO_THROW(volumes.insert(volume("data", "two")));
    EXPECT_EQ(error_of([&] { volumes.insert(volume("data", "three")); }), "404 Storage pool not found");
    EXPECT_EQ(volumes.list("one").size(), 1U);
    EXPECT_EQ(volumes.list().size(), 2U);
}

TEST_F(VolumesTest, APoolWithVolumesIsNotRemoved) {
    volumes.insert(volume("data"));
    EXPECT_EQ(error_of([&] { pools.remove("one"); }), "400 The storage pool is currently in use");
}

TEST_F(VolumesTest, ARenamedVolumeKeepsItsUsers) {
    const auto id = volumes.insert(volume("data"));
    InstanceRow row;
    row.name = "c1";
    row.pool = "one";
    row.put.devices = disk("one", "data");
    row.put.devices["other"] = disk("two", "data").at("data");
    row.put.devices["folder"] = {{"type", "disk"}, {"source", "data"}, {"path", "/x"}};
    instances.insert(row);
    schema::Profile profile;
    profile.name = "p";
    profile.devices = disk("one", "data");
    profiles.insert(profile);

    volumes.set_new_name(id, "files");
    volumes.rename(id);
    EXPECT_TRUE(volumes.find("one", "custom", "files"));
    EXPECT_FALSE(volumes.find("one", "custom", "data"));
    auto devices = row.put.devices;
    devices["data"]["source"] = "files";
    EXPECT_EQ(instances.find("c1")->put.devices, devices);
    EXPECT_EQ(profiles.find("p")->devices, disk("one", "files"));
}

TEST_F(VolumesTest, AReplacedVolumeGivesItsUsersAway) {
    const auto old_id = volumes.insert(volume("data"));
    auto target = volume("files", "two");
    target.incomplete = true;
    const auto new_id = volumes.insert(target);
    InstanceRow row;
    row.name = "c1";
    row.pool = "one";
    row.put.devices = disk("one", "data");
    instances.insert(row);

    volumes.replace(old_id, new_id);
    EXPECT_TRUE(volumes.find("one", "custom", "data")->incomplete);
    EXPECT_FALSE(volumes.find("two", "custom", "files")->incomplete);
    EXPECT_EQ(instances.find("c1")->put.devices, disk("two", "files"));
}

TEST_F(VolumesTest, SnapshotsAreInTheOrderOfTheirTaking) {
    const auto id = volumes.insert(volume("data"));
    volumes.insert_snapshot(id, snapshot("b"));
    volumes.insert_snapshot(id, snapshot("a"));
    const auto list = volumes.snapshots(id);
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[0].name, "b");
    EXPECT_EQ(list[0].config, snapshot("b").config);
    EXPECT_EQ(list[0].expires_at, snapshot("b").expires_at);
    EXPECT_EQ(list[1].name, "a");
    EXPECT_EQ(error_of([&] { volumes.insert_snapshot(id, snapshot("a")); }),
              "409 Snapshot by that name already exists");
}

TEST_F(VolumesTest, ASnapshotCanBeRenamedDescribedAndRemoved) {
    const auto id = volumes.insert(volume("data"));
    const auto taken = volumes.insert_snapshot(id, snapshot("a"));
    volumes.set_snapshot_new_name(taken, "b");
    volumes.rename_snapshot(taken);
    EXPECT_FALSE(volumes.find_snapshot(id, "a"));
    volumes.update_snapshot(taken, "kept", {});
    EXPECT_EQ(volumes.find_snapshot(id, "b")->description, "kept");
    EXPECT_EQ(volumes.find_snapshot(id, "b")->expires_at, schema::Time{});
    volumes.remove_snapshot(taken);
    EXPECT_TRUE(volumes.snapshots(id).empty());
}

TEST_F(VolumesTest, SnapshotsGoWithTheirVolume) {
    const auto id = volumes.insert(volume("data"));
    volumes.insert_snapshot(id, snapshot("a"));
    volumes.remove(id);
    EXPECT_FALSE(volumes.find("one", "custom", "data"));
    EXPECT_TRUE(volumes.snapshots(id).empty());
}

} // namespace
} // namespace state
