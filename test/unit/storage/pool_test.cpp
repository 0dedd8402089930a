#include "daemon/storage/pool.h"

#include <atomic>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <latch>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "daemon/state/database.h"
#include "daemon/state/snapshots.h"
#include "daemon/storage/volumes.h"
#include "schema/error.h"
#include "test/fakes/snapshot_driver.h"
#include "test/fakes/temporary_folder.h"
#include "test/unit/storage/tar_builder.h"

namespace storage {

namespace {

namespace fs = std::filesystem;

std::atomic<int> volumes_made = 0;

/// A dir driver that counts how often an image's volume is filled.
class CountingDriver : public fakes::SnapshotDriver {
public:
    using SnapshotDriver::SnapshotDriver;
    void create(const VolumeId& volume, const std::function<void(const std::string&)>& fill) override {
        ++volumes_made;
        SnapshotDriver::create(volume, fill);
    }
};

struct PoolTest : testing::Test {
    static state::Paths paths(const std::string& folder) {
        state::Paths paths;
        paths.var = folder;
        return paths;
    }

    void SetUp() override {
        for (const auto& path : {paths_.images(), paths_.containers(), paths_.pools()}) fs::create_directory(path);
    }

    void make_pool(const std::string& name, schema::Config config = {}, Pools* pools = nullptr) {
        schema::StoragePool pool;
        pool.name = name;
        pool.driver = "dir";
        pool.config = std::move(config);
        (pools != nullptr ? pools : &pools_)->create(pool);
    }

    std::string add_image(const std::string& fingerprint = std::string(64, 'a')) {
        fakes::write(paths_.images() + "/" + fingerprint,
                     TarBuilder().file("metadata.yaml", "m").folder("rootfs").file("rootfs/file", "content").bytes());
        schema::Image image;
        image.fingerprint = fingerprint;
        image.architecture = "x86_64";
        images_.insert(image);
        return fingerprint;
    }

    void add_instance(const std::string& name, const std::string& pool) {
        state::InstanceRow row;
        row.name = name;
        row.pool = pool;
        row.put.architecture = "x86_64";
        instances_.insert(row);
    }

    template <class Attempt> static std::string refusal(const Attempt& attempt) {
        try {
            attempt();
        } catch (const std::exception& error) {
            return error.what();
        }
        return "";
    }

    fakes::TemporaryFolder folder_;
    state::Paths paths_ = paths(folder_.path());
    state::Database database_{paths_.database()};
    state::Pools rows_{database_};
    state::Images images_{database_};
    state::Instances instances_{database_};
    state::Snapshots snapshots_{database_};
    state::Profiles profiles_{database_};
    base::Log log_{{base::LogLevel::error, "", false}};
    state::Volumes volumes_{database_};
    Pools pools_{paths_, {rows_, images_, instances_, snapshots_, profiles_, volumes_}, log_};
};

TEST_F(PoolTest, ACreatedPoolIsListedWithItsSource) {
    make_pool("default", {{"user.note", "x"}});
    const auto pool = pools_.get("default");
    EXPECT_EQ(pool.driver, "dir");
    EXPECT_EQ(pool.status, "Created");
    EXPECT_EQ(pool.config, (schema::Config{{"source", paths_.pool("default")}, {"user.note", "x"}}));
    EXPECT_TRUE(fs::is_directory(paths_.pool("default") + "/containers"));
    EXPECT_EQ(pools_.drivers_in_use(), (std::map<std::string, std::string>{{"dir", "1"}}));
}

TEST_F(PoolTest, BadPoolsAreRefusedAndLeaveNothing) {
    make_pool("taken");
    struct Row {
        const char* name;
        const char* driver;
        schema::Config config;
        const char* message;
    };
    for (const auto& [name, driver, config, message] : {
             Row{"", "dir", {}, "No name provided"},
             Row{"a/b", "dir", {}, "Storage pool names may not contain slashes"},
             Row{"a b", "dir", {}, "Storage name cannot contain white space"},
             Row{"p", "", {}, "No driver provided"},
             Row{"p", "floppy", {}, "Unknown driver"},
             Row{"p", "dir", {{"size", "1GB"}}, "Invalid option \"size\""},
             Row{"p", "dir", {{"source", "/nowhere/at/all"}}, "Source path '/nowhere/at/all' doesn't exist"},
             Row{"taken", "dir", {}, "The storage pool already exists: The record already exists"},
         }) {
        schema::StoragePool pool;
        pool.name = name;
        pool.driver = driver;
        pool.config = config;
        EXPECT_EQ(refusal([&] { pools_.create(pool); }), message);
    }
    EXPECT_EQ(pools_.list().size(), 1U);
    EXPECT_EQ(std::distance(fs::directory_iterator(paths_.pools()), fs::directory_iterator()), 1);
}

TEST_F(PoolTest, AContainerIsMadeOfAnImageAndLinked) {
    make_pool("default");
    const auto fingerprint = add_image();
    pools_.create_from_image("default", "c1", fingerprint, {}, {});
    EXPECT_EQ(fs::read_symlink(paths_.container("c1")), paths_.pool("default") + "/containers/c1");
    EXPECT_EQ(fakes::read(pools_.rootfs_path("default", "c1") + "/file"), "content");
    EXPECT_EQ(images_.pools_of(fingerprint), std::vector<std::string>{"default"});
}

TEST_F(PoolTest, AnImageIsUnpackedOnceHoweverManyAskAtTheSameTime) {
    volumes_made = 0;
    Pools pools(paths_, {rows_, images_, instances_, snapshots_, profiles_, volumes_}, log_,
                [](const std::string&, DriverContext context) -> std::unique_ptr<Driver> {
                    return std::make_unique<CountingDriver>(std::move(context));
                });
    make_pool("default", {}, &pools);
    const auto fingerprint = add_image();
    std::vector<std::jthread> threads;
    threads.reserve(8);
    std::latch start(8);
    for (int number = 0; number < 8; ++number)
        threads.emplace_back([&] {
            start.arrive_and_wait();
            pools.ensure_image("default", fingerprint, {}, {});
        });
    threads.clear();
    EXPECT_EQ(volumes_made, 1);
}

TEST_F(PoolTest, AnImageThatCannotBeUnpackedLeavesNoContainer) {
    make_pool("default");
    const auto fingerprint = add_image();
    fakes::write(paths_.images() + "/" + fingerprint, TarBuilder().file("../evil", "x").bytes());
    EXPECT_EQ(refusal([&] { pools_.create_from_image("default", "c1", fingerprint, {}, {}); }),
              "Archive entry \"../evil\" leads out of the image");
    EXPECT_TRUE(fs::is_empty(paths_.containers()));
    EXPECT_TRUE(fs::is_empty(paths_.pool("default") + "/images"));
    EXPECT_TRUE(images_.pools_of(fingerprint).empty());
}

TEST_F(PoolTest, ARenamedContainerMovesWithItsLink) {
    make_pool("default");
    pools_.create_from_image("default", "c1", add_image(), {}, {});
    pools_.rename_container("default", "c1", "c2");
    EXPECT_FALSE(fs::is_symlink(paths_.container("c1")));
    EXPECT_EQ(fakes::read(paths_.container("c2") + "/rootfs/file"), "content");
}

TEST_F(PoolTest, ARemovedContainerLeavesNothingAndMayBeRemovedAgain) {
    make_pool("default");
    pools_.create_empty("default", "c1");
    EXPECT_TRUE(fs::is_directory(paths_.container("c1") + "/rootfs"));
    pools_.remove_container("default", "c1");
    EXPECT_TRUE(fs::is_empty(paths_.containers()));
    EXPECT_FALSE(fs::exists(paths_.pool("default") + "/containers/c1"));
    EXPECT_NO_THROW(pools_.remove_container("default", "c1"));
}

TEST_F(PoolTest, GivesAContainersFolderToItsRootAlone) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    make_pool("default");
    pools_.create_empty("default", "c1");
    pools_.give_container_to("default", "c1", 1000000);
    struct stat status{};
    ASSERT_EQ(::stat(paths_.container("c1").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 1000000U);
    EXPECT_EQ(status.st_gid, 0U);
    EXPECT_EQ(status.st_mode & 07777, 0100U);
}

TEST_F(PoolTest, TellsWhoUsesAPoolAndIsNotRemovedMeanwhile) {
    make_pool("default");
    const auto fingerprint = add_image();
    pools_.ensure_image("default", fingerprint, {}, {});
    add_instance("c1", "default");
    for (const auto* name : {"s0", "begun"}) {
        state::SnapshotRow snapshot;
        snapshot.instance = "c1";
        snapshot.name = name;
        snapshot.put.architecture = "x86_64";
        snapshot.incomplete = name == std::string("begun");
        snapshots_.insert(snapshot);
    }
    schema::Profile profile;
    profile.name = "p";
    profile.devices["root"] = {{"type", "disk"}, {"path", "/"}, {"pool", "default"}};
    profiles_.insert(profile);
    const std::vector<std::string> users{"/1.0/instances/c1", "/1.0/instances/c1/snapshots/s0", "/1.0/profiles/p"};
    EXPECT_THAT(pools_.used_by("default"), testing::ElementsAreArray(users));
    EXPECT_THAT(pools_.get("default").used_by, testing::ElementsAreArray(users));
    EXPECT_EQ(refusal([&] { pools_.remove("default"); }), "The storage pool is currently in use");

    instances_.remove("c1");
    profiles_.remove("p");
    pools_.remove("default");
    EXPECT_FALSE(fs::exists(paths_.pool("default")));
    EXPECT_TRUE(images_.pools_of(fingerprint).empty());
    EXPECT_EQ(refusal([&] { pools_.get("default"); }), "Storage pool not found");
}

TEST_F(PoolTest, AnInstanceHasBothLinksOrNone) {
    make_pool("default");
    fs::create_directory(paths_.var + "/snapshots");
    pools_.create_empty("default", "c1");
    pools_.take_snapshot("default", "c1", "s", {}, {});
    fs::remove_all(paths_.var + "/snapshots");
    EXPECT_ANY_THROW(pools_.copy_container({"default", "c1"}, {"s"}, "default", "c2", {}, {}));
    EXPECT_FALSE(fs::is_symlink(paths_.container("c2")));
    EXPECT_ANY_THROW(pools_.rename_container("default", "c1", "c2"));
    EXPECT_FALSE(fs::is_symlink(paths_.container("c2")));
    EXPECT_TRUE(fs::exists(paths_.container("c1") + "/rootfs"));
    EXPECT_TRUE(pools_.has_snapshot("default", "c1", "s"));
}

/// One that says it is ZFS.
class ZfsLikeDriver : public fakes::SnapshotDriver {
public:
    explicit ZfsLikeDriver(DriverContext context) : SnapshotDriver(context), context_(std::move(context)) {}
    std::string_view name() const override { return "zfs"; }
    void restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) override {
        SnapshotDriver::restore(snapshot, cancel, progress);
        if (context_.option(snapshot, "zfs.remove_snapshots") != "true") return;
        for (const auto& name : snapshots(snapshot))
            if (name > snapshot.snapshot) remove({snapshot.type, snapshot.name, name});
    }

private:
    DriverContext context_;
};

TEST_F(PoolTest, AVolumeThatSaysSoLosesItsNewerSnapshotsToARestore) {
    Pools pools(paths_, {rows_, images_, instances_, snapshots_, profiles_, volumes_}, log_,
                [](const std::string&, DriverContext context) -> std::unique_ptr<Driver> {
                    return std::make_unique<ZfsLikeDriver>(std::move(context));
                });
    schema::StoragePool pool;
    pool.name = "p";
    pool.driver = "zfs";
    pools.create(pool);
    const state::ServerConfig server_config(database_);
    Volumes volumes(pools, {volumes_, instances_, snapshots_, images_, profiles_, server_config}, log_);
    for (const bool says_so : {false, true}) {
        schema::StorageVolumesPost post;
        post.name = says_so ? "loses" : "keeps";
        post.content_type = "filesystem";
        if (says_so) post.config = schema::Config{{"zfs.remove_snapshots", "true"}};
        volumes.create("p", post);
        for (const auto* name : {"s1", "s2", "s3"}) volumes.take({"p", post.name}, name, {}, {}, {});
        volumes.restore({"p", post.name}, "s2", {}, {});
        std::vector<std::string> names;
        for (const auto& row : volumes.snapshot_rows({"p", post.name})) names.push_back(row.name);
        const auto left = says_so ? std::vector<std::string>{"s1", "s2"} : std::vector<std::string>{"s1", "s2", "s3"};
        EXPECT_EQ(names, left);
        EXPECT_THAT(pools.driver("p")->snapshots(custom_volume(post.name)), testing::UnorderedElementsAreArray(left));
    }
}

/// A pool that a daemon does not find when it starts.
struct MissingPoolTest : PoolTest {
    void SetUp() override {
        PoolTest::SetUp();
        make_pool("away");
        fingerprint_ = add_image();
        pools_.ensure_image("away", fingerprint_, {}, {});
        fs::rename(paths_.pool("away"), kept_);
        later_.mount_all();
    }

    std::string kept_ = folder_.path() + "/kept";
    std::string fingerprint_;
    Pools later_{paths_, {rows_, images_, instances_, snapshots_, profiles_, volumes_}, log_};
};

TEST_F(MissingPoolTest, IsDeletedWithoutWhatItLiesOn) {
    EXPECT_EQ(later_.get("away").status, "Unavailable");
    later_.remove("away");
    EXPECT_EQ(refusal([&] { later_.get("away"); }), "Storage pool not found");
    EXPECT_FALSE(fs::exists(paths_.pool("away")));
    EXPECT_TRUE(images_.pools_of(fingerprint_).empty());
    EXPECT_TRUE(fs::exists(kept_ + "/images/" + fingerprint_));
    EXPECT_TRUE(later_.mount_missing().empty());
}

TEST_F(MissingPoolTest, IsNotDeletedWhileSomethingUsesItOrMayBeInIt) {
    add_instance("c1", "away");
    EXPECT_EQ(refusal([&] { later_.remove("away"); }), "The storage pool is currently in use");
    instances_.remove("c1");
    const auto file = folder_.path() + "/disks/away.img";
    for (const auto& kept : {file, paths_.pool("away") + "/file"}) {
        fs::create_directories(fs::path(kept).parent_path());
        fakes::write(kept, "precious");
        EXPECT_THAT(refusal([&] { later_.remove("away"); }), testing::HasSubstr("move that away"));
        EXPECT_EQ(fakes::read(kept), "precious");
        EXPECT_EQ(later_.get("away").status, "Unavailable");
        fs::remove(kept);
    }
    later_.remove("away");
}

TEST_F(MissingPoolTest, ThatIsBackIsDeletedWithWhatItHolds) {
    fs::remove(paths_.pool("away"));
    fs::rename(kept_, paths_.pool("away"));
    later_.remove("away");
    EXPECT_FALSE(fs::exists(paths_.pool("away")));
    EXPECT_TRUE(images_.pools_of(fingerprint_).empty());
}

TEST_F(PoolTest, ARestartFindsItsPoolsAndRemovesWhatACrashLeft) {
    make_pool("default");
    make_pool("lost");
    pools_.create_from_image("default", "c1", add_image(), {}, {});
    fs::create_directory(paths_.pool("default") + "/containers/.partial-0123456789abcdef");
    fs::create_directory(paths_.pool("default") + "/images/" + std::string(64, 'b'));
    fs::remove_all(paths_.pool("lost"));
    fakes::write(paths_.pool("lost"), "no folder");

    Pools again(paths_, {rows_, images_, instances_, snapshots_, profiles_, volumes_}, log_);
    again.mount_all();
    EXPECT_EQ(fakes::read(again.rootfs_path("default", "c1") + "/file"), "content");
    EXPECT_FALSE(fs::exists(paths_.pool("default") + "/containers/.partial-0123456789abcdef"));
    EXPECT_FALSE(fs::exists(paths_.pool("default") + "/images/" + std::string(64, 'b')));
    EXPECT_EQ(again.get("lost").status, "Unavailable");
    EXPECT_EQ(refusal([&] { again.create_empty("lost", "c2"); }), "Storage pool is unavailable on this server");
}

TEST_F(PoolTest, ARemovedImageIsGoneFromEveryPool) {
    make_pool("one");
    make_pool("two");
    const auto fingerprint = add_image();
    pools_.ensure_image("one", fingerprint, {}, {});
    pools_.ensure_image("two", fingerprint, {}, {});
    pools_.remove_image(fingerprint);
    EXPECT_FALSE(fs::exists(paths_.pool("one") + "/images/" + fingerprint));
    EXPECT_FALSE(fs::exists(paths_.pool("two") + "/images/" + fingerprint));
    EXPECT_TRUE(images_.pools_of(fingerprint).empty());
}

TEST_F(PoolTest, UpdatesOptionsThatMayChange) {
    make_pool("default");
    auto put = static_cast<schema::StoragePoolPut>(pools_.get("default"));
    put.description = "words";
    put.config["user.note"] = "x";
    pools_.update("default", put);
    EXPECT_EQ(static_cast<schema::StoragePoolPut>(pools_.get("default")), put);
    put.config["source"] = "/elsewhere";
    EXPECT_EQ(refusal([&] { pools_.update("default", put); }),
              "Pool source cannot be changed when not in pending state");
    put.config["source"] = paths_.pool("default");
    put.config["nonsense"] = "x";
    EXPECT_EQ(refusal([&] { pools_.update("default", put); }), "Invalid option \"nonsense\"");
}

TEST_F(PoolTest, TellsTheSpaceBelowAPool) {
    make_pool("default");
    const auto space = pools_.space("default");
    EXPECT_GT(space.total, 0U);
    EXPECT_LE(space.used, space.total);
}

TEST(KeyedLock, AWaiterThatIsCancelledGivesUp) {
    KeyedLock locks;
    const auto held = locks.exclusive("a", {});
    base::CancelToken cancel;
    std::jthread waiter([&] { EXPECT_THROW(locks.shared("a", cancel), schema::Error); });
    cancel.cancel();
    waiter.join();
    EXPECT_NO_THROW(locks.exclusive("b", {}));
}

TEST(KeyedLock, ReadersShareAndAWriterIsAlone) {
    KeyedLock locks;
    auto first = locks.shared("a", {});
    auto second = locks.shared("a", {});
    std::atomic<bool> released = false;
    std::jthread writer([&] {
        const auto hold = locks.exclusive("a", {});
        EXPECT_TRUE(released);
    });
    first.reset();
    released = true;
    second.reset();
}

} // namespace

} // namespace storage
