// Backups of custom volumes as requests make and read them.

#include <filesystem>
#include <string>

#include "daemon/base/files.h"
#include "test/api/daemon_fixture.h"

namespace {

const std::string pool = "/1.0/storage-pools/default";
const std::string volumes = pool + "/volumes/custom";

struct VolumeBackupsTest : DaemonTest {
    VolumeBackupsTest() {
        set_up_storage();
        EXPECT_EQ(error("POST", volumes, R"({"name":"data","config":{"user.a":"1"}})"), "ok");
        base::write_file(folder_of("data") + "/file", "content");
    }

    std::string folder_of(const std::string& volume) const {
        return rooms_->paths.pools() + "/default/custom/default_" + volume;
    }
    size_t files() const {
        const std::filesystem::directory_iterator entries(rooms_->paths.backups() + "/custom");
        return static_cast<size_t>(std::distance(begin(entries), end(entries)));
    }
    std::string archive(const std::string& backup) {
        return body_of(ask("GET", volumes + "/data/backups/" + backup + "/export"));
    }
    std::string import(const std::string& content, const std::string& name) {
        return error("POST", volumes, content, {{"Content-Type", "application/octet-stream"}, {"X-LXD-name", name}});
    }
};

TEST_F(VolumeBackupsTest, OnesAreNamedByNumbersUnlessTheyHaveANameAndGoWithTheirVolume) {
    const auto backups = volumes + "/data/backups";
    EXPECT_EQ(error("POST", backups, "{}"), "ok");
    EXPECT_EQ(error("POST", backups, R"({"volume_only":true})"), "ok");
    EXPECT_EQ(error("POST", backups, R"({"name":"backup1"})"),
              R"(operation: Create volume backup: Backup "data/backup1" already exists)");
    const auto shown = get(backups + "?recursion=1");
    ASSERT_EQ(shown.as_array().size(), 2U);
    EXPECT_EQ(shown.as_array()[0]["name"], schema::Json("backup0"));
    EXPECT_EQ(shown.as_array()[1]["volume_only"], schema::Json(true));
    EXPECT_EQ(error("POST", backups + "/backup1", R"({"name":"a/b"})"), "400 Backup names may not contain slashes");
    EXPECT_EQ(error("POST", backups + "/backup1", R"({"name":"mine"})"), "ok");
    EXPECT_EQ(get(backups + "/mine")["name"], schema::Json("mine"));
    EXPECT_EQ(files(), 2U);
    EXPECT_EQ(error("DELETE", backups + "/backup0"), "ok");
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(error("DELETE", volumes + "/data"), "ok");
    EXPECT_EQ(files(), 0U);
}

TEST_F(VolumeBackupsTest, AUrlOfANameWithASpaceIsOne) {
    EXPECT_EQ(error("POST", volumes, R"({"name":"a b"})"), "ok");
    EXPECT_EQ(get(volumes).as_array()[0], schema::Json(volumes + "/a%20b"));
}

TEST_F(VolumeBackupsTest, WhatIsNotThereIsToldAsLxdTellsIt) {
    EXPECT_EQ(error("GET", volumes + "/none/backups"), "404 Storage pool volume not found");
    EXPECT_EQ(error("GET", "/1.0/storage-pools/none/volumes/custom/data/backups"), "404 Storage pool not found");
    EXPECT_EQ(error("GET", pool + "/volumes/container/c/backups"), R"(400 Invalid storage volume type "container")");
    for (const auto* what : {"", "/export"})
        EXPECT_EQ(error("GET", volumes + "/data/backups/none" + what), "404 Storage volume backup not found");
}

TEST_F(VolumeBackupsTest, AnImportedVolumeIsTheOneThatWasExported) {
    EXPECT_EQ(error("POST", volumes + "/data/snapshots", R"({"name":"then","expires_at":"2099-01-01T00:00:00Z"})"),
              "ok");
    base::write_file(folder_of("data") + "/file", "changed");
    EXPECT_EQ(error("POST", volumes + "/data/backups", R"({"name":"b"})"), "ok");
    const auto content = archive("b");
    EXPECT_EQ(import(content, "copy"), "ok");
    EXPECT_EQ(base::read_file(folder_of("copy") + "/file"), "changed");
    EXPECT_EQ(get(volumes + "/copy")["config"]["user.a"], schema::Json("1"));
    const auto snapshot = get(volumes + "/copy/snapshots/then");
    EXPECT_EQ(snapshot["expires_at"], schema::Json("2099-01-01T00:00:00Z"));
    EXPECT_EQ(snapshot["created_at"], get(volumes + "/data/snapshots/then")["created_at"]);
    EXPECT_EQ(error("PUT", volumes + "/copy", R"({"restore":"then"})"), "ok");
    EXPECT_EQ(base::read_file(folder_of("copy") + "/file"), "content");
    EXPECT_EQ(import(content, ""), "operation: Create custom volume from backup: Volume by that name already exists");
    EXPECT_EQ(import(content, "a/b"), "400 Storage volume names may not contain slashes");
}

TEST_F(VolumeBackupsTest, OneOfAnInstanceMakesNoVolumeAndTheOtherWayRound) {
    make_instance("c1");
    EXPECT_EQ(error("POST", "/1.0/instances/c1/backups", R"({"name":"b"})"), "ok");
    const auto of_instance = body_of(ask("GET", "/1.0/instances/c1/backups/b/export"));
    EXPECT_EQ(import(of_instance, "x"), R"(400 The backup is not one of a custom volume, but of the type "container")");
    EXPECT_EQ(error("POST", volumes + "/data/backups", R"({"name":"b"})"), "ok");
    EXPECT_EQ(error("POST", "/1.0/instances", archive("b"), {{"Content-Type", "application/octet-stream"}}),
              R"(400 The backup is not one of a container, but of the type "custom")");
}

TEST_F(VolumeBackupsTest, WhatWasNeverCompletedIsGoneAfterARestart) {
    EXPECT_EQ(error("POST", volumes + "/data/backups", R"({"name":"b"})"), "ok");
    for (const auto* left : {"/custom/.half", "/custom/77", "/lxd_backup_x"})
        base::write_file(rooms_->paths.backups() + left, "x");
    restart();
    EXPECT_EQ(files(), 1U);
    EXPECT_FALSE(base::exists(rooms_->paths.backups() + "/lxd_backup_x"));
    EXPECT_FALSE(archive("b").empty());
}

} // namespace
