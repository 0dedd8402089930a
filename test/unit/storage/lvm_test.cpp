#include "daemon/storage/lvm.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>

#include "daemon/storage/block_filesystem.h"
#include "daemon/storage/lvm_names.h"
#include "schema/error.h"
#include "test/fakes/recorded_commands.h"
#include "test/fakes/temporary_folder.h"

namespace storage {

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int absent = 5;
const VolumeId c1{VolumeType::container, "c-1"};
const VolumeId s1{VolumeType::container, "c-1", "snap-0"};
const VolumeId image{VolumeType::image, "feed"};

TEST(LvmNames, AreLxdsAndComeBack) {
    const std::vector<std::pair<VolumeId, std::string>> table{
        {c1, "containers_c--1"},
        {s1, "containers_c--1-snap--0"},
        {image, "images_feed"},
        {{VolumeType::custom, "default_v", "s"}, "custom_default_v-s"},
    };
    for (const auto& [volume, name] : table) {
        EXPECT_EQ(lvm_names::logical_volume(volume), name);
        ASSERT_TRUE(lvm_names::volume(name)) << name;
        const auto back = lvm_names::volume(name).value_or(VolumeId());
        EXPECT_EQ(std::tie(back.type, back.name, back.snapshot), std::tie(volume.type, volume.name, volume.snapshot));
    }
    EXPECT_EQ(lvm_names::logical_volume({VolumeType::custom, "v"}, true), "custom_v.block");
    EXPECT_EQ(lvm_names::volume("custom_v.block").value_or(VolumeId()).name, "v");
    for (const auto* name : {"LXDThinPool", "lxd.partial.0011", "containers_a-b-c", "root"})
        EXPECT_FALSE(lvm_names::volume(name)) << name;
}

struct Lvm : testing::Test {
    std::unique_ptr<LvmDriver> driver_of(schema::Config config) {
        fs::create_directories(folder_ / "storage-pools");
        return std::make_unique<LvmDriver>(
            DriverContext{"pool", folder_ / "storage-pools/pool", std::move(config),
                          [this](const VolumeId& volume) { return own_options_[volume.name]; }},
            commands_);
    }
    /// A pool in the volume group vg, which is there and empty.
    std::unique_ptr<LvmDriver> pool(schema::Config config = {}) {
        config["source"] = "vg";
        commands_->answer("vgs --noheadings -o vg_tags vg", "\n");
        commands_->answer("vgs --noheadings -o lv_count vg", " 0\n");
        commands_->answer("lvs", "", absent);
        commands_->answer("lvs --noheadings -o lv_name vg", "");
        commands_->answer("lvs --noheadings -o lv_name vg/", "", absent);
        commands_->answer("lvs --noheadings --nosuffix --units b -o lv_size", " 10737418240 4194304\n");
        commands_->answer("blkid", "ext4\n");
        auto driver = driver_of(std::move(config));
        driver->create_pool();
        return driver;
    }
    void there(const std::string& logical) {
        commands_->answer("lvs --noheadings -o lv_name vg/" + logical + "-", "", absent);
        commands_->answer("lvs --noheadings -o lv_name vg/" + logical, logical + "\n");
        commands_->answer("lvs --noheadings -o lv_attr vg/" + logical, "twi-aotz--\n");
    }
    /// With what is random, or the test's own folder, made plain.
    std::vector<std::string> done() const {
        auto lines = commands_->done();
        for (auto& line : lines) {
            line = std::regex_replace(line, std::regex("partial[.-][0-9a-f]{16}"), "NEW");
            line = std::regex_replace(line, std::regex(folder_ / "storage-pools/pool"), "POOL");
        }
        return lines;
    }

    std::map<std::string, schema::Config> own_options_; // by volume
    fakes::TemporaryFolder folder_;
    std::shared_ptr<fakes::RecordedCommands> commands_ = std::make_shared<fakes::RecordedCommands>();
};

TEST_F(Lvm, APoolInAVolumeGroupMakesAThinPoolAndMarksIt) {
    const auto driver = pool();
    EXPECT_THAT(done(), ElementsAre("lvcreate --yes --wipesignatures y --thinpool vg/LXDThinPool --extents 100%FREE",
                                    "vgchange --addtag lxd_pool vg"));
    EXPECT_EQ(driver->completed({}), (schema::Config{{"lvm.thinpool_name", "LXDThinPool"},
                                                     {"lvm.vg_name", "vg"},
                                                     {"source", "vg"},
                                                     {"volatile.initial_source", "vg"}}));
}

TEST_F(Lvm, ABadSourceIsRefusedInLxdsWordsAndLeavesNothing) {
    commands_->answer("vgs --noheadings -o vg_tags none", "", absent);
    commands_->answer("vgs --noheadings -o vg_tags used", "lxd_pool\n");
    commands_->answer("vgs --noheadings -o lv_count used", "0\n");
    commands_->answer("vgs --noheadings -o vg_tags full", "\n");
    commands_->answer("vgs --noheadings -o lv_count full", "3\n");
    const std::map<std::string, std::pair<schema::Config, std::string>> table{
        {"missing", {{{"source", "none"}}, "The requested volume group \"none\" does not exist"}},
        {"another's", {{{"source", "used"}}, "Volume group \"used\" is already used by LXD"}},
        {"not empty", {{{"source", "full"}}, "Volume group \"full\" is not empty"}},
        {"two names", {{{"source", "a"}, {"lvm.vg_name", "b"}}, "Invalid combination of source and lvm.vg_name"}},
        {"no device", {{{"source", "/etc/passwd"}}, "Custom loop file locations are not supported"}},
    };
    for (const auto& [what, row] : table) {
        auto driver = driver_of(row.first);
        try {
            driver->create_pool();
            ADD_FAILURE() << what;
        } catch (const schema::Error& error) {
            EXPECT_THAT(error.what(), HasSubstr(row.second)) << what;
        }
        EXPECT_FALSE(fs::exists(folder_ / "storage-pools/pool"));
    }
}

TEST_F(Lvm, WhatACrashLeavesOfANewPoolIsKnownBeforeItIsMade) {
    schema::Config known;
    const auto create = [&](schema::Config config) {
        DriverContext context{"pool", folder_ / "storage-pools/pool", std::move(config), {}};
        context.decided = [&](const schema::Config& decided) {
            EXPECT_FALSE(fs::exists(folder_ / "disks/pool.img"));
            known = decided;
        };
        fs::create_directories(folder_ / "storage-pools");
        EXPECT_ANY_THROW(LvmDriver(std::move(context), commands_).create_pool());
    };
    commands_->answer("vgs --noheadings -o vg_tags pool", "\n");
    create({{"size", "1GiB"}});
    EXPECT_TRUE(known.empty()) << "another's volume group has the name";
    commands_->answer("vgs --noheadings -o vg_tags full", "\n");
    commands_->answer("vgs --noheadings -o lv_count full", "3\n");
    create({{"source", "full"}});
    EXPECT_TRUE(known.empty());
    commands_->answer("vgs --noheadings -o vg_tags pool", "", absent);
    commands_->answer("vgcreate", "", 1);
    create({{"size", "1GiB"}});
    EXPECT_EQ(known, (schema::Config{{"lvm.thinpool_name", "LXDThinPool"},
                                     {"lvm.vg_name", "pool"},
                                     {"size", "1GiB"},
                                     {"source", folder_ / "disks/pool.img"}}));
    known.clear();
    fs::create_directories(folder_ / "storage-pools/pool");
    done();
    LvmDriver({"pool", folder_ / "storage-pools/pool", known, {}}, commands_).delete_pool();
    EXPECT_THAT(done(), testing::IsEmpty());
    EXPECT_FALSE(fs::exists(folder_ / "storage-pools/pool"));
}

TEST_F(Lvm, AnImageIsFormattedFilledAndNamedLast) {
    auto driver = pool();
    done();
    driver->create(image, [](const std::string& path) { EXPECT_TRUE(fs::is_directory(path)); });
    EXPECT_THAT(
        done(),
        ElementsAre("lvcreate --name lxd.NEW --yes --wipesignatures y --thin --virtualsize 10737418240b vg/LXDThinPool",
                    "mkfs.ext4 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 /dev/vg/lxd.NEW",
                    "lvchange --activate y --ignoreactivationskip vg/lxd.NEW",
                    "mount /dev/vg/lxd.NEW POOL/custom/.NEW ext4 discard", "unmount POOL/custom/.NEW",
                    "lvchange --activate n --ignoreactivationskip vg/lxd.NEW",
                    "lvchange --setactivationskip y vg/lxd.NEW", "lvrename vg lxd.NEW images_feed"));
}

TEST_F(Lvm, AVolumesOwnOptionsComeBeforeThoseOfThePool) {
    const auto driver = pool({{"volume.block.filesystem", "xfs"}, {"volume.block.mount_options", "nobarrier"}});
    const VolumeId own{VolumeType::custom, "own"};
    own_options_["own"] = {{"size", "1GiB"}, {"block.filesystem", "btrfs"}, {"block.mount_options", "compress=zstd"}};
    commands_->answer("blkid", "btrfs\n");
    done();
    driver->create(own, [](const std::string&) {});
    const auto made = done();
    EXPECT_THAT(made, testing::Contains(HasSubstr("--virtualsize 1073741824b")));
    EXPECT_THAT(made, testing::Contains(HasSubstr("mkfs.btrfs ")));
    EXPECT_THAT(made, testing::Contains(HasSubstr("POOL/custom/.NEW btrfs compress=zstd")));
    there("custom_own");
    driver->mount(own);
    EXPECT_THAT(done(), testing::Contains(HasSubstr("POOL/custom/own btrfs compress=zstd")));
}

TEST_F(Lvm, ACopyWithAnotherFilesystemCopiesFiles) {
    const auto driver = pool();
    const VolumeId source{VolumeType::custom, "source"};
    const VolumeId target{VolumeType::custom, "target"};
    own_options_["target"] = {{"block.filesystem", "xfs"}};
    there("custom_source");
    fs::create_directories(driver->path(source));
    done();
    driver->clone(source, target, {}, {});
    const auto copied = done();
    EXPECT_THAT(copied, testing::Contains(HasSubstr("mkfs.xfs ")));
    EXPECT_THAT(copied, testing::Not(testing::Contains(HasSubstr("lvcreate -n"))));
}

TEST_F(Lvm, AFailedFillLeavesNoLogicalVolume) {
    auto driver = pool();
    done();
    EXPECT_THROW(driver->create(image, [](const std::string&) { throw schema::failure("disk full"); }), schema::Error);
    EXPECT_EQ(done().back(), "lvremove -f vg/lxd.NEW");
    EXPECT_TRUE(fs::is_empty(folder_ / "storage-pools/pool/custom"));
}

TEST_F(Lvm, CopiesAndSnapshotsAreThinOnes) {
    auto driver = pool();
    there("images_feed");
    done();
    driver->clone(image, c1, {}, {});
    EXPECT_THAT(done(), ElementsAre("lvcreate -n lxd.NEW -s vg/images_feed --setactivationskip y -prw",
                                    "lvchange --activate y --ignoreactivationskip vg/lxd.NEW",
                                    "lvchange --activate y --ignoreactivationskip vg/lxd.NEW",
                                    "mount /dev/vg/lxd.NEW POOL/custom/.NEW ext4 discard", "unmount POOL/custom/.NEW",
                                    "lvchange --activate n --ignoreactivationskip vg/lxd.NEW",
                                    "lvrename vg lxd.NEW containers_c--1"));
    there("containers_c--1");
    driver->take(s1, {}, {});
    EXPECT_THAT(done(),
                ElementsAre("lvcreate -n containers_c--1-snap--0 -s vg/containers_c--1 --setactivationskip y -pr"));
}

TEST_F(Lvm, ARestorePutsACopyOfTheSnapshotInPlaceOfTheVolume) {
    auto driver = pool();
    there("containers_c--1");
    there("containers_c--1-snap--0");
    done();
    driver->restore(s1, {}, {});
    EXPECT_THAT(done(), ElementsAre("lvcreate -n lxd.NEW -s vg/containers_c--1-snap--0 --setactivationskip y -prw",
                                    "lvchange --activate y --ignoreactivationskip vg/lxd.NEW",
                                    "lvrename vg lxd.NEW lxd.restoring.containers_c--1",
                                    "lvrename vg containers_c--1 lxd.replaced.containers_c--1",
                                    "lvrename vg lxd.restoring.containers_c--1 containers_c--1",
                                    "lvremove -f vg/lxd.replaced.containers_c--1"));
}

TEST_F(Lvm, CleaningUpEndsARestoreThatACrashInterrupted) {
    auto driver = pool();
    commands_->answer("lvs --noheadings -o lv_name vg",
                      "  LXDThinPool\n  lxd.replaced.containers_c--1\n  lxd.restoring.containers_c--1\n");
    commands_->answer("lvs --noheadings -o lv_name vg/", "", absent);
    done();
    driver->clean_up();
    const auto lines = done();
    ASSERT_GE(lines.size(), 2U);
    EXPECT_EQ(lines[0], "lvrename vg lxd.restoring.containers_c--1 containers_c--1");
    EXPECT_EQ(lines[1], "lvremove -f vg/lxd.replaced.containers_c--1");
}

TEST_F(Lvm, CleaningUpRemovesFoldersWhoseVolumeHasAnotherName) {
    auto driver = pool();
    const auto path = folder_ / "storage-pools/pool";
    for (const auto* place : {"containers/c-1", "containers/old", "containers-snapshots/c-1/old", "custom/full/file"})
        fs::create_directories(path + "/" + place);
    commands_->answer("lvs --noheadings -o lv_name vg", "  containers_c--1\n  containers_c--1-new\n");
    driver->clean_up();
    EXPECT_TRUE(fs::exists(path + "/containers/c-1"));
    EXPECT_FALSE(fs::exists(path + "/containers/old"));
    EXPECT_FALSE(fs::exists(path + "/containers-snapshots/c-1"));
    EXPECT_TRUE(fs::exists(path + "/custom/full/file"));
}

TEST_F(Lvm, ALimitGrowsTheVolumeInUseAndShrinksItOnlyWhenItIsNot) {
    auto driver = pool();
    there("containers_c--1");
    driver->mount(c1);
    done();
    driver->quotas()->limit(c1, 20LL << 30);
    EXPECT_THAT(done(),
                ElementsAre("lvchange --activate y --ignoreactivationskip vg/containers_c--1",
                            "lvresize -L 21474836480b -f vg/containers_c--1", "resize2fs /dev/vg/containers_c--1"));
    EXPECT_THROW(driver->quotas()->limit(c1, 1 << 30), schema::Error);
    driver->unmount(c1);
    done();
    driver->quotas()->limit(c1, 1 << 30);
    EXPECT_THAT(done(),
                ElementsAre("lvchange --activate y --ignoreactivationskip vg/containers_c--1",
                            "e2fsck -f -y /dev/vg/containers_c--1", "resize2fs /dev/vg/containers_c--1 1048576K",
                            "lvresize -L 1073741824b -f vg/containers_c--1",
                            "lvchange --activate n --ignoreactivationskip vg/containers_c--1"));
    commands_->answer("blkid", "xfs\n");
    EXPECT_THROW(driver->quotas()->limit(c1, 1 << 30), schema::Error);
}

struct ThickLvm : Lvm {
    ThickLvm() {
        commands_->answer("lvs --noheadings -o origin", " \n");
        commands_->answer("lvs --noheadings -o lv_device_open", " \n");
        commands_->answer("lvs --noheadings -o lv_name --select", "");
    }
    void with_snapshot(const std::string& open = "") {
        there("containers_c--1");
        there("containers_c--1-snap--0");
        commands_->answer("lvs --noheadings -o origin vg/containers_c--1-snap--0", " containers_c--1\n");
        commands_->answer("lvs --noheadings -o lv_name --select origin=\"containers_c--1\"",
                          " containers_c--1-snap--0\n");
        commands_->answer("lvs --noheadings -o lv_device_open --select lv_name=\"containers_c--1\" || "
                          "origin=\"containers_c--1\" vg",
                          fmt::format(" {}\n \n", open));
    }

    std::unique_ptr<LvmDriver> driver_ = pool({{"lvm.use_thinpool", "false"}});
};

TEST_F(ThickLvm, SnapshotsReserveWhatTheirVolumeHas) {
    EXPECT_THAT(done(), ElementsAre("vgchange --addtag lxd_pool vg"));
    there("containers_c--1");
    driver_->take(s1, {}, {});
    EXPECT_THAT(done(), ElementsAre("lvchange --yes --activate y --ignoreactivationskip vg/containers_c--1",
                                    "lvcreate -n containers_c--1-snap--0 -s vg/containers_c--1 --setactivationskip y "
                                    "-l 100%ORIGIN -pr",
                                    "lvchange --yes --activate n --ignoreactivationskip vg/containers_c--1"));
}

TEST_F(ThickLvm, ASnapshotIsActiveWithItsVolumeForAsLongAsEitherIsOpen) {
    with_snapshot("open");
    done();
    driver_->mount(s1);
    driver_->unmount(s1);
    EXPECT_THAT(done(), ElementsAre("lvchange --yes --activate y --ignoreactivationskip vg/containers_c--1-snap--0",
                                    "mount /dev/vg/containers_c--1-snap--0 POOL/containers-snapshots/c-1/snap-0 ext4 "
                                    "discard,noload",
                                    "unmount POOL/containers-snapshots/c-1/snap-0"));
    with_snapshot();
    driver_->mount(s1);
    driver_->unmount(s1);
    EXPECT_EQ(done().back(), "lvchange --yes --activate n --ignoreactivationskip vg/containers_c--1-snap--0");
}

TEST_F(ThickLvm, ASnapshotOfABtrfsHasAnIdOfItsOwn) {
    there("containers_c--1");
    commands_->answer("blkid", "btrfs\n");
    done();
    driver_->take(s1, {}, {});
    EXPECT_THAT(done(),
                ElementsAre("lvchange --yes --activate y --ignoreactivationskip vg/containers_c--1",
                            "lvcreate -n lxd.NEW -s vg/containers_c--1 --setactivationskip y -l 100%ORIGIN -prw",
                            "lvchange --yes --activate y --ignoreactivationskip vg/lxd.NEW",
                            "btrfs rescue zero-log /dev/vg/lxd.NEW", "btrfstune -f -u /dev/vg/lxd.NEW",
                            "lvchange --permission r vg/lxd.NEW", "lvrename vg lxd.NEW containers_c--1-snap--0",
                            "lvchange --yes --activate n --ignoreactivationskip vg/containers_c--1"));
}

TEST_F(ThickLvm, ARestoreChangesWhatTheVolumeHoldsForItsSnapshotsHangOnIt) {
    with_snapshot();
    done();
    driver_->restore(s1, {}, {});
    for (const auto& line : done())
        EXPECT_THAT(line, Not(testing::AnyOf(HasSubstr("lvremove"), HasSubstr("lvrename"))));
}

TEST_F(ThickLvm, AVolumeWithSnapshotsGrowsWhileItIsInactiveAlone) {
    with_snapshot("open");
    done();
    EXPECT_THROW(driver_->quotas()->limit(c1, 20LL << 30), schema::Error);
    EXPECT_THROW(driver_->quotas()->limit(c1, 1 << 30), schema::Error);
    EXPECT_THAT(done(), ElementsAre());
    with_snapshot();
    EXPECT_THROW(driver_->quotas()->limit(c1, 1 << 30), schema::Error);
    EXPECT_THAT(done(), ElementsAre());
    driver_->quotas()->limit(c1, 20LL << 30);
    EXPECT_THAT(done(), testing::IsSupersetOf({"lvchange --yes --activate n --ignoreactivationskip vg/containers_c--1",
                                               "lvresize -L 21474836480b -f vg/containers_c--1",
                                               "resize2fs /dev/vg/containers_c--1"}));
}

TEST_F(Lvm, WhatAFullThinPoolRefusesIsToldAsSuch) {
    auto driver = pool();
    there("containers_c--1");
    commands_->answer("lvcreate -n", "", absent);
    for (const auto& [fill, words] : std::map<std::string, std::string>{
             {"99.98,12.00", "Failed to run: lvcreate"},
             {"100.00,12.00",
              "No space left on device: the thin pool \"LXDThinPool\" is full (Failed to run: lvcreate"},
             {"30.00,100.00", "No space left on device"}}) {
        commands_->answer("lvs --noheadings --separator , -o data_percent,metadata_percent vg/LXDThinPool",
                          fmt::format("  {}\n", fill));
        try {
            driver->take(s1, {}, {});
            ADD_FAILURE() << fill;
        } catch (const schema::Error& error) {
            EXPECT_THAT(error.what(), testing::StartsWith(words));
        }
    }
}

TEST_F(Lvm, ABlockVolumeIsFilledBesideAndNamedLast) {
    const VolumeId volume{VolumeType::custom, "default_v"};
    const auto driver = pool();
    done();
    std::string filled;
    driver->blocks()->create_block(volume, 8 << 20, [&](const std::string& device) { filled = device; });
    EXPECT_THAT(filled, testing::StartsWith("/dev/vg/lxd."));
    auto lines = done();
    EXPECT_THAT(lines, Not(testing::Contains(HasSubstr("blkdiscard"))));
    EXPECT_EQ(lines.back(), "lvrename vg lxd.NEW custom_default_v.block");
    driver->blocks()->create_block({volume.type, volume.name, "s"}, 8 << 20, [](const std::string&) {});
    lines = done();
    EXPECT_THAT(lines, testing::Contains("lvchange --permission r vg/lxd.NEW"));
    EXPECT_EQ(lines.back(), "lvrename vg lxd.NEW custom_default_v-s.block");
    const auto full = [](const std::string&) { throw schema::failure("disk full"); };
    EXPECT_THROW(driver->blocks()->create_block(volume, 8 << 20, full), schema::Error);
    EXPECT_EQ(done().back(), "lvremove -f vg/lxd.NEW");
}

TEST_F(Lvm, TheDeviceOfABlockVolumeIsActiveWhileItIsLookedAt) {
    const auto driver = pool();
    commands_->answer("lvs --noheadings -o lv_name vg/custom_default_v.block", "custom_default_v.block\n");
    done();
    auto device = driver->blocks()->device({VolumeType::custom, "default_v"});
    EXPECT_EQ(*device, "/dev/vg/custom_default_v.block");
    EXPECT_THAT(done(), ElementsAre(HasSubstr("--activate y")));
    device.reset();
    EXPECT_THAT(done(), ElementsAre(HasSubstr("--activate n")));
}

TEST_F(ThickLvm, ABlockVolumeIsFilledOverZeros) {
    done();
    driver_->blocks()->create_block({VolumeType::custom, "default_v"}, 8 << 20, [](const std::string&) {});
    EXPECT_THAT(done(), testing::Contains("blkdiscard --zeroout /dev/vg/lxd.NEW"));
}

TEST_F(Lvm, ADeletedPoolKeepsAGroupThatOthersUse) {
    auto driver = pool();
    commands_->answer("vgs --noheadings -o lv_count vg", " 2\n");
    there("LXDThinPool");
    commands_->answer("lvs --noheadings -o thin_count", " 0\n");
    done();
    driver->delete_pool();
    EXPECT_THAT(done(), ElementsAre("lvremove -f vg/LXDThinPool", "vgchange --deltag lxd_pool vg"));
    EXPECT_FALSE(fs::exists(folder_ / "storage-pools/pool"));
}

TEST_F(Lvm, WithoutItsToolsThePoolIsRefusedInLxdsWords) {
    if (!base::find_program("lvm").empty()) GTEST_SKIP() << "they are installed";
    fs::create_directories(folder_ / "storage-pools");
    LvmDriver driver({"pool", folder_ / "storage-pools/pool", {{"source", "vg"}}});
    try {
        driver.create_pool();
        FAIL();
    } catch (const schema::Error& error) {
        EXPECT_STREQ(error.what(), "Required tool \"lvm\" is missing");
    }
    EXPECT_FALSE(fs::exists(folder_ / "storage-pools/pool"));
}

} // namespace

} // namespace storage
