#include "test/fakes/snapshot_driver.h"
#include "test/unit/storage/driver_contract.h"

namespace storage {

namespace {

INSTANTIATE_TEST_SUITE_P(
    Drivers, DriverContract,
    testing::Values(Kind{"dir", [](DriverContext context) { return make_driver("dir", std::move(context)); }},
                    Kind{"snapshot",
                         [](DriverContext context) -> std::unique_ptr<Driver> {
                             return std::make_unique<fakes::SnapshotDriver>(std::move(context));
                         }}),
    [](const auto& kind) { return kind.param.name; });

TEST(SnapshotDriver, SharesTheTreeOfACloneUntilItIsWrittenTo) {
    const fakes::TemporaryFolder folder;
    fakes::SnapshotDriver driver({"pool", folder / "pool", {}});
    driver.create_pool();
    const VolumeId image{VolumeType::image, "i"};
    const VolumeId container{VolumeType::container, "c"};
    driver.create(image, [](const std::string& path) { fakes::write(path + "/file", "x"); });
    driver.clone(image, container, {}, {});
    EXPECT_EQ(driver.sharing(image), 2);
    driver.mount(container);
    driver.unmount(container);
    EXPECT_EQ(driver.sharing(image), 1);
}

} // namespace

} // namespace storage
