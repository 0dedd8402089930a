#include "daemon/state/backups.h"

#include "daemon/state/instances.h"
#include "daemon/state/pools.h"
#include "daemon/state/volumes.h"
#include "test/unit/state/store_test.h"

namespace state {
namespace {

using test::error_of;

struct BackupsTest : test::StoreTest {
    Pools pools{database};
    Volumes volumes{database};
    Instances instances{database};

    void SetUp() override {
        for (const auto* name : {"one", "two"}) {
            pools.insert(test::pool(name, "dir"));
            VolumeRow volume;
            volume.pool = name;
            volume.name = "data";
            ids.push_back(volumes.insert(volume));
        }
        InstanceRow instance;
        instance.name = "data";
        instance.pool = "one";
        instances.insert(instance);
    }

    static BackupRow backup(const std::string& owner, const std::string& name) {
        BackupRow row;
        row.owner = owner;
        row.name = name;
        row.expires_at = schema::parse_rfc3339("2027-01-02T03:04:05Z");
        row.without_snapshots = true;
        return row;
    }
    static void insert(Backups& backups, const BackupRow& row) {
        backups.insert(row, [](int64_t) {});
    }

    std::vector<int64_t> ids;
};

TEST_F(BackupsTest, OfAllKindsTheyComeBackAsTheyWereInserted) {
    for (const auto* table : {&instance_backups, &volume_backups}) {
        const std::string owner = table == &volume_backups ? "two/data" : "data";
        Backups backups(database, *table);
        insert(backups, backup(owner, "a"));
        const auto found = backups.find(owner, "a").value_or(BackupRow());
        EXPECT_EQ(found.owner, owner);
        EXPECT_EQ(found.expires_at, backup(owner, "a").expires_at);
        EXPECT_TRUE(found.without_snapshots);
        EXPECT_FALSE(found.optimized_storage);
        backups.rename(found.id, "b");
        ASSERT_EQ(backups.list().size(), 1U);
        EXPECT_EQ(backups.list(owner).at(0).name, "b");
        backups.remove(found.id);
        EXPECT_TRUE(backups.list().empty());
    }
}

TEST_F(BackupsTest, ThoseOfInstancesAreListedByNameAndThoseOfVolumesByAge) {
    for (const auto* table : {&instance_backups, &volume_backups}) {
        const std::string owner = table == &volume_backups ? "two/data" : "data";
        Backups backups(database, *table);
        for (const auto* name : {"z", "a"}) insert(backups, backup(owner, name));
        EXPECT_EQ(backups.list(owner).at(0).name, table == &volume_backups ? "z" : "a");
    }
}

TEST_F(BackupsTest, VolumesOfOneNameOnTwoPoolsHaveTheirOwn) {
    Backups backups(database, volume_backups);
    insert(backups, backup("one/data", "a"));
    EXPECT_TRUE(backups.list("two/data").empty());
    insert(backups, backup("two/data", "a"));
    EXPECT_EQ(error_of([&] { insert(backups, backup("one/data", "a")); }), R"(409 Backup "one/data/a" already exists)");
    EXPECT_EQ(error_of([&] { insert(backups, backup("one/none", "a")); }), "404 Storage volume not found");
}

TEST_F(BackupsTest, TheyFollowTheirVolumeAndGoWithIt) {
    Backups backups(database, volume_backups);
    insert(backups, backup("one/data", "a"));
    volumes.set_new_name(ids.at(0), "other");
    volumes.rename(ids.at(0));
    EXPECT_EQ(backups.list("one/other").size(), 1U);
    volumes.remove(ids.at(0));
    EXPECT_TRUE(backups.list().empty());
}

TEST_F(BackupsTest, OneWhoseFileCannotBeKeptIsNotThere) {
    Backups backups(database, volume_backups);
    EXPECT_ANY_THROW(backups.insert(backup("one/data", "a"), [](int64_t) { throw schema::failure("no"); }));
    EXPECT_TRUE(backups.list().empty());
}

} // namespace
} // namespace state
