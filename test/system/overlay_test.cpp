// The driver overlay: what every driver promises, and what overlay promises beyond.

#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/storage/layout.h"
#include "test/fakes/temporary_folder.h"
#include "test/system/private_mounts.h"
#include "test/unit/storage/driver_contract.h"

namespace storage {

namespace {

std::unique_ptr<Driver> overlay(DriverContext context) {
    return make_driver("overlay", std::move(context));
}

INSTANTIATE_TEST_SUITE_P(Overlay, DriverContract, testing::Values(Kind{"overlay", overlay}),
                         [](const auto& kind) { return kind.param.name; });

const VolumeId c1{VolumeType::container, "c1"};
const VolumeId c2{VolumeType::container, "c2"};
const VolumeId image{VolumeType::image, "i"};
const VolumeId s1{VolumeType::container, "c1", "s,1:2"};
constexpr uid_t root_of_map = 1000000;
const schema::IdMap map{{true, true, root_of_map, 0, 65536}};
const schema::IdMap other_map{{true, true, 3000000, 0, 65536}};

struct Overlay : testing::Test {
    Overlay() {
        fs::create_directories(folder_ / "storage-pools");
        driver_->create_pool();
        driver_->create(image, [](const std::string& path) {
            fakes::write(path + "/metadata.yaml", "{}");
            fs::create_directories(path + "/rootfs/etc/deep");
            fakes::write(path + "/rootfs/etc/deep/file", "lower");
            fakes::write(path + "/rootfs/gone", "lower");
            fakes::write(path + "/rootfs/large", std::string(4 << 20, 'x'));
            ASSERT_EQ(::chown((path + "/rootfs/gone").c_str(), 5, 6), 0);
        });
    }
    ~Overlay() override {
        if (fs::exists(path_)) driver_->delete_pool();
    }

    std::string root(const VolumeId& volume) const { return driver_->path(volume) + "/rootfs"; }
    void show(const VolumeId& volume, const schema::IdMap& ids) { driver_->id_mapping()->mount(volume, {{}, ids}); }
    /// Names of layers, not of what is being removed.
    std::vector<std::string> layers() const {
        auto names = layout::names_in(path_ + "/layers");
        std::erase_if(names, [](const auto& name) { return name.starts_with('.'); });
        return names;
    }
    static struct stat status(const std::string& path) {
        struct stat found{};
        EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
        return found;
    }
    /// What a process of the container's root does in a folder.
    template <class Act> static void as_root_of_map(const std::string& folder, const Act& act) {
        const auto child = ::fork();
        if (child == 0) {
            const bool became =
                ::chdir(folder.c_str()) == 0 && ::setgid(root_of_map) == 0 && ::setuid(root_of_map) == 0;
            ::_exit(became && act() ? 0 : 1);
        }
        int result = 0;
        ::waitpid(child, &result, 0);
        EXPECT_EQ(result, 0);
    }

    fakes::TemporaryFolder folder_;
    std::string path_ = folder_ / "storage-pools/pool";
    std::unique_ptr<Driver> driver_ = overlay({"pool", path_, {}});
};

TEST_F(Overlay, ACloneHoldsNothingOfItsImageOnDisk) {
    driver_->clone(image, c1, {}, {});
    EXPECT_TRUE(fs::is_empty(root(c1)));
    driver_->mount(c1);
    EXPECT_EQ(fs::file_size(root(c1) + "/large"), 4U << 20U);
}

TEST_F(Overlay, ALayerLivesAsLongAsItsLastUser) {
    driver_->clone(image, c1, {}, {});
    driver_->take(s1, {}, {});
    driver_->remove(image);
    driver_->clone(c1, c2, {}, {});
    driver_->clean_up();
    EXPECT_THAT(layers(), testing::SizeIs(1));
    driver_->mount(c2);
    EXPECT_EQ(fakes::read(root(c2) + "/etc/deep/file"), "lower");
    driver_->remove(c2);
    driver_->remove(s1);
    EXPECT_THAT(layers(), testing::SizeIs(1));
    driver_->mount(c1);
    EXPECT_EQ(fakes::read(root(c1) + "/etc/deep/file"), "lower");
    driver_->remove(c1);
    EXPECT_THAT(layers(), testing::IsEmpty());
}

TEST_F(Overlay, ALayerThatIsNamedInWordsAloneIsKept) {
    driver_->clone(image, c1, {}, {});
    // As a copy of the pool has it by a program that does not know of hard links.
    const auto reference = driver_->path(c1) + "/.layer";
    const auto text = fakes::read(reference);
    fs::remove(reference);
    fakes::write(reference, text);
    driver_->remove(image);
    driver_->clean_up();
    driver_->mount(c1);
    EXPECT_EQ(fakes::read(root(c1) + "/etc/deep/file"), "lower");
}

TEST_F(Overlay, AnImageThatNamesAnotherLayerDoesNotGetIt) {
    const auto name = fakes::read(driver_->path(image) + "/.layer");
    const VolumeId hostile{VolumeType::image, "h"};
    driver_->create(hostile, [&](const std::string& path) { fakes::write(path + "/.layer", name); });
    driver_->clone(hostile, c1, {}, {});
    driver_->mount(c1);
    EXPECT_FALSE(fs::exists(root(c1) + "/large"));
    driver_->create(c2, [&](const std::string& path) {
        fs::create_directories(path + "/rootfs");
        fs::create_symlink("/etc/passwd", path + "/.layer");
    });
    driver_->mount(c2);
    EXPECT_TRUE(fs::is_empty(root(c2)));
}

TEST_F(Overlay, SnapshotsAndCopiesKnowOfRenamesDeletionsAndReplacements) {
    driver_->clone(image, c1, {}, {});
    driver_->mount(c1);
    fs::rename(root(c1) + "/etc", root(c1) + "/moved");
    fs::create_directory(root(c1) + "/etc");
    fakes::write(root(c1) + "/etc/new", "upper");
    fs::remove(root(c1) + "/gone");
    driver_->take(s1, {}, {});
    driver_->clone(c1, c2, {}, {});
    fakes::write(root(c1) + "/moved/deep/file", "later");
    for (const auto& copy : {s1, c2}) {
        driver_->mount(copy);
        EXPECT_EQ(fakes::read(root(copy) + "/moved/deep/file"), "lower");
        EXPECT_EQ(fakes::read(root(copy) + "/etc/new"), "upper");
        EXPECT_FALSE(fs::exists(root(copy) + "/etc/deep"));
        EXPECT_FALSE(fs::exists(root(copy) + "/gone"));
    }
    driver_->restore(s1, {}, {});
    driver_->mount(c1);
    EXPECT_EQ(fakes::read(root(c1) + "/moved/deep/file"), "lower");
    EXPECT_FALSE(fs::exists(root(c1) + "/gone"));
}

TEST_F(Overlay, OwnersAreSeenByTheMapAndLieOnDiskAsInside) {
    driver_->clone(image, c1, {}, {});
    show(c1, map);
    EXPECT_EQ(status(root(c1) + "/gone").st_uid, root_of_map + 5);
    EXPECT_EQ(status(root(c1) + "/gone").st_gid, root_of_map + 6);
    as_root_of_map(root(c1), [] {
        const base::Fd made(::open("made", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        return made && ::chmod("etc", 0700) == 0;
    });
    show(c1, other_map);
    EXPECT_EQ(status(root(c1) + "/made").st_uid, 3000000U);
    EXPECT_EQ(status(root(c1) + "/gone").st_uid, 3000005U);
    show(c1, {});
    EXPECT_EQ(status(root(c1) + "/made").st_uid, 0U);
    EXPECT_EQ(status(root(c1) + "/etc").st_mode & 0777U, 0700U);
    EXPECT_EQ(status(root(c1) + "/gone").st_uid, 5U);
}

TEST_F(Overlay, WhatLiesShiftedOnDiskIsSeenByTheMapToo) {
    driver_->create(c1, [](const std::string& path) {
        fs::create_directory(path + "/rootfs");
        fakes::write(path + "/rootfs/file", "x");
        ASSERT_EQ(::chown((path + "/rootfs/file").c_str(), root_of_map + 7, root_of_map), 0);
    });
    driver_->id_mapping()->mount(c1, {map, other_map});
    EXPECT_EQ(status(root(c1) + "/file").st_uid, 3000007U);
    EXPECT_EQ(status(root(c1) + "/file").st_gid, 3000000U);
}

TEST_F(Overlay, AMountThatIsAskedForAgainStaysTheSame) {
    driver_->clone(image, c1, {}, {});
    show(c1, map);
    const base::Fd held(::open(root(c1).c_str(), O_PATH | O_CLOEXEC));
    show(c1, map);
    driver_->mount(c1);
    const auto again = overlay({"pool", path_, {}}); // as after a restart
    again->mount_pool();
    again->clean_up();
    again->id_mapping()->mount(c1, {{}, map});
    struct stat before{};
    ASSERT_EQ(::fstat(held.get(), &before), 0);
    EXPECT_EQ(status(root(c1)).st_dev, before.st_dev);
}

TEST_F(Overlay, AViewShowsTheWholeTreeAsItLiesAndIsGoneAfterwards) {
    driver_->clone(image, c1, {}, {});
    show(c1, map);
    as_root_of_map(root(c1), [] { return ::mkdir("made", 0700) == 0; });
    std::string path;
    {
        const auto view = driver_->view(c1);
        path = *view;
        EXPECT_EQ(fakes::read(path + "/rootfs/etc/deep/file"), "lower");
        EXPECT_EQ(fakes::read(path + "/metadata.yaml"), "{}");
        EXPECT_EQ(status(path + "/rootfs/made").st_uid, 0U);
        EXPECT_EQ(status(path + "/rootfs/made").st_dev, status(path).st_dev);
        EXPECT_FALSE(fs::exists(path + "/.layer"));
    }
    EXPECT_FALSE(fs::exists(path));
    EXPECT_EQ(fakes::read(*driver_->view(image) + "/rootfs/etc/deep/file"), "lower");
}

TEST_F(Overlay, WhatACrashLeftIsRemoved) {
    driver_->clone(image, c1, {}, {});
    auto* const left = new std::shared_ptr<const std::string>(driver_->view(c1));
    const auto view = **left; // which nobody will give back
    fs::create_directories(path_ + "/layers/.partial-0123456789abcdef/tree");
    fs::create_directories(path_ + "/layers/" + std::string(32, 'a') + "/tree");
    fakes::write(path_ + "/layers/" + std::string(32, 'a') + "/name", std::string(32, 'a'));
    driver_->clean_up();
    EXPECT_FALSE(fs::exists(view));
    EXPECT_THAT(layers(), testing::SizeIs(1));
    EXPECT_FALSE(fs::exists(path_ + "/layers/.partial-0123456789abcdef"));
    delete left;
}

TEST_F(Overlay, AFilesystemThatCannotHoldAnUpperLayerIsRefused) {
    driver_->clone(image, c1, {}, {});
    driver_->mount(c1);
    fs::create_directory(root(c1) + "/pool");
    const auto inner = overlay({"inner", folder_ / "storage-pools/inner", {{"source", root(c1) + "/pool"}}});
    EXPECT_ANY_THROW(inner->create_pool());
    EXPECT_FALSE(fs::exists(folder_ / "storage-pools/inner"));
}

} // namespace

} // namespace storage

int main(int argc, char** argv) {
    return storage::run_with_private_mounts(argc, argv, "mount");
}
