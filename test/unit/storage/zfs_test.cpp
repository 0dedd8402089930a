#include "daemon/storage/zfs.h"

#include <algorithm>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>

#include "schema/error.h"
#include "test/fakes/recorded_commands.h"
#include "test/fakes/temporary_folder.h"

namespace storage {

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const VolumeId c1{VolumeType::container, "c1"};
const VolumeId s1{VolumeType::container, "c1", "s1"};
const VolumeId image{VolumeType::image, "feed"};

struct Zfs : testing::Test {
    std::unique_ptr<ZfsDriver> driver_of(schema::Config config) {
        fs::create_directories(folder_ / "storage-pools");
        return std::make_unique<ZfsDriver>(
            DriverContext{"pool", folder_ / "storage-pools/pool", std::move(config),
                          [this](const VolumeId& volume) { return own_options_[volume.name]; }},
            commands_);
    }
    /// Tells what a start after a crash would know of it.
    std::unique_ptr<ZfsDriver> driver_of(schema::Config config, schema::Config& known) {
        fs::create_directories(folder_ / "storage-pools");
        DriverContext context{"pool", folder_ / "storage-pools/pool", std::move(config), {}};
        context.decided = [&known](const schema::Config& decided) { known = decided; };
        return std::make_unique<ZfsDriver>(std::move(context), commands_);
    }
    /// On the zpool tank, which is there and empty.
    std::unique_ptr<ZfsDriver> pool(schema::Config config = {}) {
        config["source"] = "tank";
        commands_->answer("zfs get -H -o name name", "", 1);
        commands_->answer("zfs get -H -r -o name name tank", "tank\n");
        commands_->answer("zfs get -H -p -o value origin", "-\n");
        there("tank");
        auto driver = driver_of(std::move(config));
        driver->create_pool();
        return driver;
    }
    void there(const std::string& dataset) {
        commands_->answer("zfs get -H -o name name " + dataset, dataset + "\n");
        commands_->answer("zfs get -H -o name name " + dataset + "/", "", 1);
        commands_->answer("zfs get -H -o name name " + dataset + "@", "", 1);
    }
    std::vector<std::string> done() const {
        auto lines = commands_->done();
        for (auto& line : lines) {
            line = std::regex_replace(line, std::regex("[0-9a-f]{8}-[0-9a-f-]{27}"), "ID");
            line = std::regex_replace(line, std::regex("partial-[0-9a-f]{16}"), "NEW");
            line = std::regex_replace(line, std::regex(folder_ / "storage-pools/pool"), "POOL");
        }
        return lines;
    }

    std::map<std::string, schema::Config> own_options_; // by volume
    fakes::TemporaryFolder folder_;
    std::shared_ptr<fakes::RecordedCommands> commands_ = std::make_shared<fakes::RecordedCommands>();
};

TEST_F(Zfs, APoolOnAZpoolHasLxdsDatasets) {
    const auto driver = pool();
    auto lines = done();
    std::erase_if(lines, [](const auto& line) { return line.starts_with("modprobe"); });
    EXPECT_THAT(lines, ElementsAre("zfs set atime=off relatime=on mountpoint=legacy setuid=on exec=on devices=on "
                                   "acltype=posixacl xattr=sa tank",
                                   "zfs create -o mountpoint=legacy tank/containers",
                                   "zfs create -o mountpoint=legacy tank/custom",
                                   "zfs create -o mountpoint=legacy tank/deleted",
                                   "zfs create -o mountpoint=legacy tank/deleted/containers",
                                   "zfs create -o mountpoint=legacy tank/deleted/custom",
                                   "zfs create -o mountpoint=legacy tank/deleted/images",
                                   "zfs create -o mountpoint=legacy tank/deleted/making",
                                   "zfs create -o mountpoint=legacy tank/images"));
    EXPECT_EQ(driver->completed({}),
              (schema::Config{{"source", "tank"}, {"volatile.initial_source", "tank"}, {"zfs.pool_name", "tank"}}));
}

TEST_F(Zfs, APoolInAFileIsAZpoolOfItsOwn) {
    commands_->answer("zfs get -H -r -o name name pool", "pool\n");
    commands_->answer("zfs get -H -o name name pool", "", 1);
    const auto driver = driver_of({{"size", "1GiB"}});
    driver->create_pool();
    there("pool");
    const auto file = folder_ / "disks/pool.img";
    EXPECT_THAT(done(), testing::Contains("zpool create -f -m none -O compression=on pool " + file));
    EXPECT_EQ(fs::file_size(file), 1U << 30U);
    driver->unmount_pool();
    EXPECT_THAT(done(), ElementsAre("zpool export pool"));
    auto config = driver->completed({});
    config["size"] = "2GiB";
    driver->update_pool(config);
    EXPECT_THAT(done(), ElementsAre("zpool online -e pool " + file));
    driver->delete_pool();
    EXPECT_THAT(done(), ElementsAre("zpool destroy pool"));
    EXPECT_FALSE(fs::exists(file));
}

TEST_F(Zfs, WhatACrashLeavesOfANewPoolIsRemovedButNothingElse) {
    const auto run_until = [&](const std::string& last, schema::Config config) {
        schema::Config known;
        commands_->answer(last, "", 1); // as far as the disk can tell
        auto driver = driver_of(std::move(config), known);
        EXPECT_ANY_THROW(driver->create_pool());
        commands_->answer(last, "");
        return known;
    };
    commands_->answer("zfs get -H -o name name pool", "", 1);
    const auto file = folder_ / "disks/pool.img";
    auto known = run_until("zpool create", {{"size", "1GiB"}});
    EXPECT_EQ(known, (schema::Config{{"size", "1GiB"}, {"source", file}, {"zfs.pool_name", "pool"}}));
    fs::create_directories(folder_ / "storage-pools/pool");
    fakes::write(file, "");
    there("pool");
    commands_->answer("zfs get -H -r -o name name pool", "pool\n");
    done();
    driver_of(known)->delete_pool();
    EXPECT_THAT(done(), ElementsAre("zpool destroy pool"));
    EXPECT_FALSE(fs::exists(file));

    known.clear();
    EXPECT_ANY_THROW(driver_of({{"size", "1GiB"}}, known)->create_pool()) << "another's zpool has the name";
    EXPECT_TRUE(known.empty());
    fs::create_directories(folder_ / "storage-pools/pool");
    done();
    driver_of(known)->delete_pool();
    EXPECT_THAT(done(), testing::IsEmpty());
    EXPECT_FALSE(fs::exists(folder_ / "storage-pools/pool"));
}

TEST_F(Zfs, WhatWasThereBeforeANewPoolOutlivesIt) {
    commands_->answer("zfs get -H -r -o name name tank", "tank\n");
    there("tank");
    commands_->answer("zfs set", "", 1); // as far as the disk can tell, the daemon was killed
    schema::Config known;
    EXPECT_ANY_THROW(driver_of({{"source", "tank"}}, known)->create_pool());
    const std::vector<std::string> own{"images",         "deleted/making",     "deleted/images",
                                       "deleted/custom", "deleted/containers", "deleted",
                                       "custom",         "containers"};
    std::vector<std::string> taken_back;
    for (const auto& name : own) taken_back.push_back("zfs destroy tank/" + name);
    const auto destroyed = [&] {
        auto lines = done();
        std::erase_if(lines, [](const auto& line) { return line.find("destroy") == std::string::npos; });
        return lines;
    };
    EXPECT_EQ(destroyed(), taken_back) << "at once";
    fs::create_directories(folder_ / "storage-pools/pool");
    driver_of(known)->delete_pool();
    EXPECT_EQ(destroyed(), taken_back) << "at the next start";
}

TEST_F(Zfs, ABadSourceIsRefusedInLxdsWords) {
    commands_->answer("zfs get -H -o name name full", "full\n");
    commands_->answer("zfs get -H -r -o name name full", "full\nfull/home\n");
    const std::vector<std::pair<schema::Config, std::string>> table{
        {{{"source", "full"}}, "Provided ZFS pool (or dataset) isn't empty"},
        {{{"source", "a"}, {"zfs.pool_name", "b"}}, "The source must match zfs.pool_name if specified"},
        {{{"zfs.pool_name", "a/b"}}, "zfs.pool_name can't point to a dataset when source isn't set"},
        {{{"source", "/etc/passwd"}}, "Custom loop file locations are not supported"},
    };
    for (const auto& [config, words] : table) {
        const auto driver = driver_of(config);
        try {
            driver->create_pool();
            ADD_FAILURE() << words;
        } catch (const schema::Error& error) {
            EXPECT_THAT(error.what(), HasSubstr(words));
        }
        EXPECT_FALSE(fs::exists(folder_ / "storage-pools/pool"));
        EXPECT_FALSE(fs::exists(folder_ / "disks/pool.img"));
    }
}

TEST_F(Zfs, AnImageIsFilledBesideAndHasASnapshotToCopy) {
    const auto driver = pool({{"volume.zfs.blocksize", "64KiB"}});
    done();
    driver->create(image, [](const std::string&) {});
    EXPECT_THAT(
        done(),
        ElementsAre("zfs create -o mountpoint=legacy -o canmount=noauto -o recordsize=65536 tank/deleted/making/ID",
                    "mount tank/deleted/making/ID POOL/custom/.NEW zfs ", "unmount POOL/custom/.NEW",
                    "zfs snapshot tank/deleted/making/ID@readonly",
                    "zfs rename tank/deleted/making/ID tank/images/feed"));
    EXPECT_THROW(driver->create(image, [](const std::string&) { throw schema::failure("disk full"); }), schema::Error);
    EXPECT_EQ(done().back(), "zfs destroy -r tank/deleted/making/ID");
}

TEST_F(Zfs, CopiesAreClones) {
    const auto driver = pool();
    there("tank/images/feed@readonly");
    done();
    driver->clone(image, c1, {}, {});
    EXPECT_THAT(done(), ElementsAre("zfs clone -o mountpoint=legacy -o canmount=noauto tank/images/feed@readonly "
                                    "tank/deleted/making/ID",
                                    "mount tank/deleted/making/ID POOL/custom/.NEW zfs ", "unmount POOL/custom/.NEW",
                                    "zfs rename tank/deleted/making/ID tank/containers/c1"));
    there("tank/containers/c1");
    driver->clone(c1, {VolumeType::container, "other"}, {}, {});
    EXPECT_THAT(done(), testing::IsSupersetOf({std::string("zfs snapshot tank/containers/c1@copy-ID")}));
}

TEST_F(Zfs, ARebasedCopySharesWithItsImageAlone) {
    const auto driver = pool({{"zfs.clone_copy", "rebase"}});
    there("tank/containers/c1");
    const VolumeId other{VolumeType::container, "other"};
    commands_->answer("zfs get -H -p -o value origin tank/containers/c1", "tank/containers/c0@copy-1\n");
    commands_->answer("zfs get -H -p -o value origin tank/containers/c0", "tank/deleted/images/feed@readonly\n");
    done();
    driver->clone(c1, other, {}, {});
    EXPECT_THAT(done(),
                testing::IsSupersetOf({"zfs snapshot tank/containers/c1@copy-ID",
                                       "zfs send -i tank/deleted/images/feed@readonly tank/containers/c1@copy-ID",
                                       "zfs receive -x mountpoint -u tank/deleted/making/ID@copy-ID",
                                       "zfs destroy tank/deleted/making/ID@copy-ID",
                                       "zfs set mountpoint=legacy canmount=noauto tank/deleted/making/ID",
                                       "zfs rename tank/deleted/making/ID tank/containers/other",
                                       "zfs destroy tank/containers/c1@copy-ID"}));
}

TEST_F(Zfs, OnlyTheNewestSnapshotIsRestored) {
    const auto driver = pool();
    there("tank/containers/c1");
    driver->take(s1, {}, {});
    commands_->answer("zfs list -H -o name -d 1 -t snapshot",
                      "tank/containers/c1@snapshot-s0\ntank/containers/c1@copy-1\ntank/containers/c1@snapshot-s1\n");
    EXPECT_THAT(driver->snapshots(c1), ElementsAre("s0", "s1"));
    done();
    driver->restore(s1, {}, {});
    EXPECT_THAT(done(), ElementsAre("zfs rollback -r tank/containers/c1@snapshot-s1"));
    const VolumeId s0{VolumeType::container, "c1", "s0"};
    try {
        driver->restore(s0, {}, {});
        ADD_FAILURE();
    } catch (const schema::Error& error) {
        EXPECT_STREQ(error.what(), "Snapshot \"s0\" cannot be restored due to subsequent snapshot(s). Set "
                                   "zfs.remove_snapshots to override");
    }
    EXPECT_THAT(done(), testing::IsEmpty());
    auto config = driver->completed({});
    config["volume.zfs.remove_snapshots"] = "true";
    driver->update_pool(config);
    driver->restore(s0, {}, {});
    EXPECT_THAT(done(), ElementsAre("zfs rollback -r tank/containers/c1@snapshot-s0"));
}

TEST_F(Zfs, AVolumesOwnOptionsComeBeforeThoseOfThePool) {
    const auto driver = pool({{"volume.zfs.blocksize", "64KiB"}, {"volume.zfs.remove_snapshots", "true"}});
    const VolumeId own{VolumeType::custom, "own"};
    own_options_["own"] = {{"zfs.blocksize", "8KiB"}, {"zfs.remove_snapshots", "false"}};
    done();
    driver->create(own, [](const std::string&) {});
    EXPECT_THAT(done(), testing::Contains(HasSubstr("-o recordsize=8192 ")));
    there("tank/custom/own");
    commands_->answer("zfs list -H -o name -d 1 -t snapshot",
                      "tank/custom/own@snapshot-s0\ntank/custom/own@snapshot-s1\n");
    EXPECT_THROW(driver->restore({VolumeType::custom, "own", "s0"}, {}, {}), schema::Error);
    done();
    driver->update(own, {"zfs.blocksize"});
    own_options_["own"].clear();
    driver->update(own, {"zfs.blocksize"});
    driver->update(own, {"user.a"});
    auto lines = done();
    std::erase_if(lines, [](const auto& line) { return line.starts_with("zfs get"); });
    EXPECT_THAT(lines,
                ElementsAre("zfs set recordsize=8192 tank/custom/own", "zfs set recordsize=65536 tank/custom/own"));
}

TEST_F(Zfs, ALimitIsWhatTheOptionsSayAndWhatTheySaidBeforeGoes) {
    const auto driver = pool();
    const VolumeId own{VolumeType::custom, "own"};
    const auto limited = [&](schema::Config options, int64_t bytes) {
        own_options_["own"] = std::move(options);
        done();
        driver->quotas()->limit(own, bytes);
        return done();
    };
    const std::string set = "zfs set reservation=none refreservation=none ";
    EXPECT_THAT(limited({}, 4096), ElementsAre(set + "quota=4096 refquota=none tank/custom/own"));
    EXPECT_THAT(limited({{"zfs.use_refquota", "true"}}, 4096),
                ElementsAre(set + "refquota=4096 quota=none tank/custom/own"));
    EXPECT_THAT(
        limited({{"zfs.use_refquota", "true"}, {"zfs.reserve_space", "true"}}, 4096),
        ElementsAre(set + "refquota=4096 quota=none tank/custom/own", "zfs set refreservation=4096 tank/custom/own"));
    EXPECT_THAT(limited({{"zfs.reserve_space", "true"}}, 0),
                ElementsAre(set + "quota=none refquota=none tank/custom/own"));
    commands_->answer("zfs get -H -p -o value refquota tank/custom/own", "4096\n");
    commands_->answer("zfs get -H -p -o value quota tank/custom/own", "0\n");
    own_options_["own"].clear();
    driver->update(own, {"zfs.use_refquota"});
    EXPECT_THAT(done(), ElementsAre(set + "quota=4096 refquota=none tank/custom/own"));
}

TEST_F(Zfs, ABlockVolumeHasBlocksOfItsOptionsSize) {
    const auto driver = pool();
    const VolumeId own{VolumeType::custom, "own"};
    own_options_["own"] = {{"zfs.blocksize", "1MiB"}};
    done();
    driver->blocks()->create_block(own, 1000, {});
    EXPECT_THAT(done(),
                testing::Contains(HasSubstr("zfs create -s -V 131072 -o volmode=none -o volblocksize=131072 ")));
}

TEST_F(Zfs, ABlockVolumeIsNotShrunkByTheSizeThatItHas) {
    const auto driver = pool();
    const VolumeId own{VolumeType::custom, "own"};
    commands_->answer("zfs get -H -p -o value volblocksize tank/custom/own", "16384\n");
    commands_->answer("zfs get -H -p -o value volsize tank/custom/own", "32768\n");
    done();
    driver->blocks()->resize_block(own, 20000);
    EXPECT_THAT(done(), testing::IsEmpty());
    EXPECT_THROW(driver->blocks()->resize_block(own, 16384), schema::Error);
    driver->blocks()->resize_block(own, 32769);
    EXPECT_THAT(done(), ElementsAre("zfs set volsize=49152 tank/custom/own"));
}

TEST_F(Zfs, WhatHasCopiesLivesOnUntilTheyAreGone) {
    const auto driver = pool();
    there("tank/images/feed");
    there("tank/containers/c1");
    commands_->answer("zfs get -H -p -r -o value clones tank/images/feed", "-\ntank/containers/c1\n");
    done();
    driver->remove(image);
    EXPECT_THAT(done(), ElementsAre("zfs rename tank/images/feed tank/deleted/images/ID"));
    commands_->answer("zfs get -H -p -o value origin tank/containers/c1", "tank/deleted/images/x@readonly\n");
    driver->remove(c1);
    EXPECT_THAT(done(), ElementsAre("zfs destroy -r tank/containers/c1", "zfs destroy -r tank/deleted/images/x"));
}

TEST_F(Zfs, CleaningUpRemovesWhatNoCopyNeedsAnyMore) {
    const auto driver = pool();
    commands_->answer("zfs list -H -o name,clones -r -t snapshot tank",
                      "tank/containers/c1@snapshot-s\t\n"
                      "tank/containers/c1@copy-lonely\t-\n"
                      "tank/containers/c1@copy-needed\ttank/containers/c2\n"
                      "tank/containers/c1@deleted-lonely\t\n"
                      "tank/containers/c1@backup-1\t-\n"
                      "tank/containers/c1@before-1\t-\n");
    for (const auto* ghost : {"tank/deleted/images/lonely", "tank/deleted/images/needed"}) there(ghost);
    commands_->answer("zfs list -H -o name -r -d 1 tank/deleted/images",
                      "tank/deleted/images\ntank/deleted/images/lonely\ntank/deleted/images/needed\n");
    commands_->answer("zfs get -H -p -r -o value clones tank/deleted/images/needed", "tank/containers/c3\n");
    done();
    driver->clean_up();
    EXPECT_THAT(done(),
                ElementsAre("zfs destroy tank/containers/c1@copy-lonely",
                            "zfs destroy tank/containers/c1@deleted-lonely", "zfs destroy tank/containers/c1@backup-1",
                            "zfs rollback -r tank/containers/c1@before-1", "zfs destroy tank/containers/c1@before-1",
                            "zfs destroy -r tank/deleted/images/lonely"));
}

TEST_F(Zfs, CleaningUpRemovesFoldersWhoseVolumeHasAnotherName) {
    const auto driver = pool();
    const auto path = folder_ / "storage-pools/pool";
    for (const auto* place : {"containers/c1", "containers/old", "containers-snapshots/c1/old", "custom/full/file"})
        fs::create_directories(path + "/" + place);
    commands_->answer("zfs list -H -o name -r -t filesystem,snapshot tank",
                      "tank\ntank/containers/c1\ntank/containers/c1@snapshot-new\n");
    driver->clean_up();
    EXPECT_TRUE(fs::exists(path + "/containers/c1"));
    EXPECT_FALSE(fs::exists(path + "/containers/old"));
    EXPECT_FALSE(fs::exists(path + "/containers-snapshots/c1"));
    EXPECT_TRUE(fs::exists(path + "/custom/full/file"));
}

TEST_F(Zfs, StreamsAreDifferencesBetweenSnapshots) {
    const auto driver = pool();
    done();
    driver->transfer()->send(s1, "s0", 1, {});
    driver->transfer()->send(c1, "s1", 1, {});
    EXPECT_THAT(done(), ElementsAre("zfs send -i tank/containers/c1@snapshot-s0 tank/containers/c1@snapshot-s1",
                                    "zfs snapshot tank/containers/c1@backup-ID",
                                    "zfs send -i tank/containers/c1@snapshot-s1 tank/containers/c1@backup-ID",
                                    "zfs destroy tank/containers/c1@backup-ID"));
}

TEST_F(Zfs, ABackupHasAStreamOfEachSnapshotAndOfTheVolume) {
    const auto driver = pool();
    done();
    std::vector<std::string> files;
    OwnFormat::Target target;
    target.header = [&](const std::string&) { files.emplace_back("header"); };
    target.file = [&](const std::string& name, const auto& write) {
        files.push_back(name);
        write(1);
    };
    driver->own_format()->save(c1, {"s0", "s1"}, target, {});
    EXPECT_THAT(files, ElementsAre("snapshots/s0.bin", "snapshots/s1.bin", "container.bin"));
    EXPECT_THAT(done(), ElementsAre("zfs send tank/containers/c1@snapshot-s0",
                                    "zfs send -i tank/containers/c1@snapshot-s0 tank/containers/c1@snapshot-s1",
                                    "zfs snapshot tank/containers/c1@backup-ID",
                                    "zfs send -i tank/containers/c1@snapshot-s1 tank/containers/c1@backup-ID",
                                    "zfs destroy tank/containers/c1@backup-ID"));
}

TEST_F(Zfs, ABackupComesBackInTheSameOrderAndIsLookedAt) {
    const auto driver = pool();
    done();
    OwnFormat::Source source;
    source.file = [](const std::string&, const auto& read) { read(0); };
    std::vector<std::string> seen;
    source.accept = [&](const std::string& folder) { seen.push_back(fs::path(folder).filename()); };
    driver->own_format()->load(c1, {"s1"}, source, {});
    EXPECT_THAT(seen, ElementsAre("s1", "c1"));
    const auto lines = done();
    const auto received = [&](const std::string& what) {
        const auto found = std::ranges::find(lines, "zfs receive -x mountpoint -F -u tank/containers/c1@" + what);
        return found - lines.begin();
    };
    EXPECT_LT(received("snapshot-s1"), received("backup-ID"));
    EXPECT_LT(received("backup-ID"), std::ssize(lines));
}

TEST_F(Zfs, ABackupThatIsNotAcceptedGoes) {
    const auto driver = pool();
    done();
    OwnFormat::Source source;
    source.file = [](const std::string&, const auto& read) { read(0); };
    source.accept = [&](const std::string&) {
        there("tank/containers/c1");
        throw schema::bad_request("no");
    };
    EXPECT_THROW(driver->own_format()->load(c1, {}, source, {}), schema::Error);
    EXPECT_THAT(done(), testing::Contains("zfs destroy -r tank/containers/c1"));
}

TEST_F(Zfs, ABlockVolumeAndItsSnapshotsAreFilledOneAfterTheOther) {
    const VolumeId volume{VolumeType::custom, "v"};
    const auto driver = pool();
    done();
    std::string filled;
    const auto fill = [&](const std::string& device) { filled = device; };
    driver->blocks()->create_block({volume.type, volume.name, "s"}, 9000, fill);
    EXPECT_THAT(filled, testing::StartsWith("/dev/zvol/tank/deleted/making/"));
    EXPECT_THAT(done(), ElementsAre("zfs create -s -V 16384 -o volmode=none -o lightervisor:unfinished=yes "
                                    "tank/deleted/making/ID",
                                    "zfs set volmode=dev tank/deleted/making/ID",
                                    "zfs set volmode=none snapdev=hidden tank/deleted/making/ID",
                                    "zfs rename tank/deleted/making/ID tank/custom/v",
                                    "zfs snapshot tank/custom/v@snapshot-s"));
    commands_->answer("zfs get -H -o name name tank/custom/v", "tank/custom/v\n");
    commands_->answer("zfs get -H -p -o value lightervisor:unfinished tank/custom/v", "yes\n");
    driver->blocks()->create_block(volume, 9000, fill);
    EXPECT_EQ(filled, "/dev/zvol/tank/custom/v");
    EXPECT_THAT(done(), ElementsAre("zfs set volsize=16384 tank/custom/v", "zfs set volmode=dev tank/custom/v",
                                    "blkdiscard --zeroout /dev/zvol/tank/custom/v",
                                    "zfs set volmode=none snapdev=hidden tank/custom/v",
                                    "zfs inherit lightervisor:unfinished tank/custom/v"));
}

TEST_F(Zfs, TheDeviceOfASnapshotIsThereWhileItIsLookedAt) {
    const auto driver = pool();
    done();
    auto device = driver->blocks()->device({VolumeType::custom, "v", "s"});
    EXPECT_EQ(*device, "/dev/zvol/tank/custom/v@snapshot-s");
    EXPECT_THAT(done(), ElementsAre("zfs set volmode=dev snapdev=visible tank/custom/v"));
    device.reset();
    EXPECT_THAT(done(), ElementsAre("zfs set volmode=none snapdev=hidden tank/custom/v"));
}

TEST_F(Zfs, WithoutItsModuleThePoolIsRefusedInLxdsWords) {
    if (fs::exists("/sys/module/zfs")) GTEST_SKIP() << "it is there";
    fs::create_directories(folder_ / "storage-pools");
    ZfsDriver driver({"pool", folder_ / "storage-pools/pool", {}});
    try {
        driver.create_pool();
        FAIL();
    } catch (const schema::Error& error) {
        EXPECT_THAT(error.what(), testing::StartsWith("Error loading \"zfs\" module: "));
    }
    EXPECT_FALSE(fs::exists(folder_ / "storage-pools/pool"));
}

} // namespace

} // namespace storage
