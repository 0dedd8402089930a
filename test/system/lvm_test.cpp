// The driver lvm on volume groups in files, for hosts that have LVM: what every driver promises, and sizes.

#include <cerrno>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "schema/error.h"
#include "test/fakes/temporary_folder.h"
#include "test/system/private_mounts.h"
#include "test/unit/storage/driver_contract.h"

namespace storage {

namespace {

std::unique_ptr<Driver> make_lvm(DriverContext context) {
    return make_driver("lvm", std::move(context));
}

const schema::Config thin{{"size", "1GiB"}, {"volume.size", "320MiB"}, {"lvm.vg_name", "lvtest"}};

schema::Config with(const char* key, const char* value) {
    auto config = thin;
    config[key] = value;
    return config;
}

INSTANTIATE_TEST_SUITE_P(Lvm, DriverContract,
                         testing::Values(Kind{"thin", make_lvm, thin},
                                         Kind{"xfs", make_lvm, with("volume.block.filesystem", "xfs")},
                                         Kind{"btrfs", make_lvm, with("volume.block.filesystem", "btrfs")}),
                         [](const auto& kind) { return kind.param.name; });

const schema::Config thick{
    {"size", "1GiB"}, {"volume.size", "64MiB"}, {"lvm.vg_name", "lvtest"}, {"lvm.use_thinpool", "false"}};
INSTANTIATE_TEST_SUITE_P(ThickLvm, DriverContract, testing::Values(Kind{"thick", make_lvm, thick}),
                         [](const auto& kind) { return kind.param.name; });

TEST(Lvm, AVolumeGrowsInUse) {
    const fakes::TemporaryFolder folder;
    fs::create_directory(folder / "storage-pools");
    const auto driver = make_lvm({"pool", folder / "storage-pools/pool", thin});
    driver->create_pool();
    const VolumeId c1{VolumeType::container, "c1"};
    driver->create(c1, [](const std::string& path) { fs::create_directory(path + "/rootfs"); });
    driver->mount(c1);
    const auto size = [&] {
        struct statvfs status{};
        ::statvfs(driver->path(c1).c_str(), &status);
        return status.f_blocks * status.f_frsize;
    };
    const auto before = size();
    driver->quotas()->limit(c1, 512 << 20);
    EXPECT_GT(size(), before + (100U << 20U));
    EXPECT_THROW(driver->quotas()->limit(c1, 128 << 20), schema::Error);
    driver->unmount(c1);
    driver->quotas()->limit(c1, 128 << 20);
    driver->mount(c1);
    EXPECT_LT(size(), before);
    driver->delete_pool();
}

} // namespace

} // namespace storage

int main(int argc, char** argv) {
    return storage::run_with_private_mounts(argc, argv, "vgcreate");
}
