// The driver zfs on a pool in a file, for hosts that have ZFS: what every driver promises, and limits.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "schema/error.h"
#include "test/fakes/temporary_folder.h"
#include "test/system/private_mounts.h"
#include "test/unit/storage/driver_contract.h"

namespace storage {

namespace {

std::unique_ptr<Driver> make_zfs(DriverContext context) {
    return make_driver("zfs", std::move(context));
}

/// Pools of ZFS are known to the whole host.
const schema::Config pool{{"size", "256MiB"}, {"zfs.pool_name", fmt::format("test{}", ::getpid())}};

INSTANTIATE_TEST_SUITE_P(Zfs, DriverContract, testing::Values(Kind{"zfs", make_zfs, pool}),
                         [](const auto& kind) { return kind.param.name; });

TEST(Zfs, WhatACopyWasMadeOfGoesWithTheLastCopy) {
    const fakes::TemporaryFolder folder;
    fs::create_directory(folder / "storage-pools");
    const auto driver = make_zfs({"pool", folder / "storage-pools/pool", pool});
    driver->create_pool();
    const VolumeId source{VolumeType::container, "source"};
    const VolumeId copy{VolumeType::container, "copy"};
    driver->create(source, [](const std::string& path) { fs::create_directory(path + "/rootfs"); });
    driver->clone(source, copy, {}, {});
    driver->remove(source);
    EXPECT_THAT(driver->list(VolumeType::container), testing::ElementsAre("copy"));
    driver->remove(copy);
    EXPECT_NO_THROW(driver->delete_pool());
}

} // namespace

} // namespace storage

int main(int argc, char** argv) {
    return storage::run_with_private_mounts(argc, argv, "zpool");
}
