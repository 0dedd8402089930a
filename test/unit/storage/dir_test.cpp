#include "daemon/storage/driver.h"

#include <filesystem>
#include <gtest/gtest.h>

#include "schema/error.h"
#include "test/fakes/temporary_folder.h"

namespace storage {

namespace {

namespace fs = std::filesystem;

struct DirTest : testing::Test {
    std::unique_ptr<Driver> driver(schema::Config config = {}) {
        return make_driver("dir", {"pool", pool_, std::move(config)});
    }

    fakes::TemporaryFolder folder_;
    std::string pool_ = folder_ / "storage-pools/pool";

    void SetUp() override { fs::create_directory(folder_ / "storage-pools"); }
};

TEST_F(DirTest, LaysAPoolOutAsLxdDoes) {
    driver()->create_pool();
    const std::map<std::string, int> expected{{"containers", 0711},
                                              {"containers-snapshots", 0711},
                                              {"custom", 0700},
                                              {"custom-snapshots", 0700},
                                              {"images", 0700}};
    std::map<std::string, int> found;
    for (const auto& entry : fs::directory_iterator(pool_))
        found[entry.path().filename().string()] = static_cast<int>(entry.status().permissions());
    EXPECT_EQ(found, expected);
    EXPECT_EQ(static_cast<int>(fs::status(pool_).permissions()), 0711);
}

TEST_F(DirTest, AContainersFolderCanOnlyBePassedThrough) {
    const auto dir = driver();
    dir->create_pool();
    dir->create({VolumeType::container, "c"}, [](const std::string&) {});
    EXPECT_EQ(fs::status(pool_ + "/containers/c").permissions(), fs::perms(0100));
}

TEST_F(DirTest, ARenameThatWasCutOffIsFinishedOrUndone) {
    const auto dir = driver();
    dir->create_pool();
    const VolumeId volume{VolumeType::container, "a"};
    dir->create(volume, [](const std::string&) {});
    dir->take({VolumeType::container, "a", "s"}, {}, {});
    const auto cut_off = [&] { fs::rename(pool_ + "/containers-snapshots/a", pool_ + "/containers-snapshots/b"); };
    cut_off();
    dir->rename({VolumeType::container, "b"}, "a");
    EXPECT_TRUE(dir->exists({VolumeType::container, "a", "s"}));
    cut_off();
    dir->rename(volume, "b");
    EXPECT_TRUE(dir->exists({VolumeType::container, "b", "s"}));
    EXPECT_TRUE(dir->exists({VolumeType::container, "b"}));
    EXPECT_FALSE(dir->exists(volume));
}

TEST_F(DirTest, ARestoreThatWasCutOffIsDoneAnew) {
    const VolumeId volume{VolumeType::container, "c"};
    const VolumeId snapshot{VolumeType::container, "c", "s"};
    const auto half = pool_ + "/containers/.restoring-c";
    const auto file = pool_ + "/containers/c/file";
    const auto dir = driver();
    dir->create_pool();
    dir->create(volume, [](const std::string& folder) { fakes::write(folder + "/file", "kept"); });
    dir->take(snapshot, {}, {});

    fs::rename(pool_ + "/containers/c", half);
    driver()->clean_up();
    EXPECT_FALSE(dir->exists(volume));
    EXPECT_TRUE(dir->list(VolumeType::container).empty());
    dir->restore(snapshot, {}, {});
    EXPECT_EQ(fakes::read(file), "kept");
    EXPECT_FALSE(fs::exists(half));

    fs::create_directory(half); // the crash came after the volume was there again
    fakes::write(file, "changed");
    dir->restore(snapshot, {}, {});
    EXPECT_EQ(fakes::read(file), "kept");
    EXPECT_FALSE(fs::exists(half));

    fs::rename(pool_ + "/containers/c", half); // and nobody wants it any more
    dir->remove(snapshot);
    dir->remove(volume);
    dir->clean_up();
    EXPECT_TRUE(fs::is_empty(pool_ + "/containers"));
}

TEST_F(DirTest, APoolWhoseFilesystemIsNotMountedIsNotMadeAnew) {
    fs::create_directory(folder_ / "source");
    const schema::Config config{{"source", folder_ / "source"}};
    EXPECT_THROW(driver(config)->mount_pool(), schema::Error);
    EXPECT_TRUE(fs::is_empty(folder_ / "source"));
}

TEST_F(DirTest, CleaningUpRemovesWhatACrashLeft) {
    driver()->create_pool();
    fs::create_directories(pool_ + "/containers-snapshots/never-taken");
    fs::create_directories(pool_ + "/containers/.partial-0123456789abcdef/rootfs");
    fs::create_directories(pool_ + "/images/.partial-4567456745674567");
    driver()->clean_up();
    EXPECT_TRUE(fs::is_empty(pool_ + "/containers"));
    EXPECT_TRUE(fs::is_empty(pool_ + "/images"));
    EXPECT_TRUE(fs::is_empty(pool_ + "/containers-snapshots"));
}

TEST_F(DirTest, ADeletedPoolAwaitsTheVolumesThatAreBeingRemoved) {
    const auto dir = driver();
    dir->create_pool();
    for (int number = 0; number < 20; ++number) {
        const VolumeId volume{VolumeType::container, std::to_string(number)};
        dir->create(volume, [](const std::string& folder) { fakes::write(folder + "/file", "x"); });
        dir->remove(volume);
        EXPECT_FALSE(dir->exists(volume));
    }
    dir->delete_pool();
    EXPECT_FALSE(fs::exists(pool_));
}

TEST_F(DirTest, RefusesSourcesThatCannotBeAPool) {
    fs::create_directory(folder_ / "full");
    fakes::write(folder_ / "full/file", "x");
    const auto message = [&](const std::string& source) -> std::string {
        try {
            driver({{"source", source}})->create_pool();
        } catch (const schema::Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(message("/nowhere/at/all"), "Source path '/nowhere/at/all' doesn't exist");
    EXPECT_EQ(message("relative"), "Source path 'relative' doesn't exist");
    // The daemon's folder is the one above storage-pools.
    EXPECT_EQ(message(folder_ / "full"), "Source path '" + folder_ / "full" + "' is within the LXD directory");
    const fakes::TemporaryFolder elsewhere;
    fakes::write(elsewhere / "file", "x");
    EXPECT_EQ(message(elsewhere.path()), "Source path '" + elsewhere.path() + "' isn't empty");
    EXPECT_FALSE(fs::exists(pool_));
}

TEST_F(DirTest, AnUnknownDriverIsNamedSo) {
    EXPECT_THROW(make_driver("floppy", {"pool", pool_, {}}), schema::Error);
}

} // namespace

} // namespace storage
