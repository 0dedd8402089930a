#include "daemon/devices/disk_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/fakes/device_host.h"
#include "test/unit/devices/owner.h"

namespace devices {
namespace {

using fakes::FakeDeviceHost;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

schema::Device disk(const std::string& source, const std::string& limit, const std::string& value) {
    return {{"type", "disk"}, {"source", source}, {"path", "/mnt"}, {limit, value}};
}

FakeDeviceHost host() {
    FakeDeviceHost result;
    for (const auto* path : {"/a", "/b", "/c", "/pool/c1/rootfs", "/tmp"}) result.paths[path] = PathKind::directory;
    result.node_host.disks = {{"/a", {"8:0"}}, {"/b", {"8:0", "8:16"}}, {"/pool/c1/rootfs", {"254:0"}}};
    return result;
}

TEST(DiskLimits, AreBytesOrOperations) {
    EXPECT_EQ(limit_of(disk("/a", "limits.read", "10MB")), (DiskLimit{10'000'000, 0, 0, 0}));
    EXPECT_EQ(limit_of(disk("/a", "limits.write", "30iops")), (DiskLimit{0, 0, 0, 30}));
    EXPECT_EQ(limit_of(disk("/a", "limits.max", "1MiB")), (DiskLimit{1 << 20, 0, 1 << 20, 0}));
    auto both = disk("/a", "limits.max", "10iops");
    both["limits.read"] = "5MB";
    EXPECT_EQ(limit_of(both), (DiskLimit{0, 10, 0, 10})) << "max goes before";
}

TEST(DiskLimits, OfSeveralDevicesOnOneDiskAreTheirMean) {
    auto on = host();
    const auto limits = disk_limits({{"root", {{"type", "disk"}, {"path", "/"}, {"limits.read", "7iops"}}},
                                     {"a", disk("/a", "limits.max", "100B")},
                                     {"b", disk("/b", "limits.read", "300B")},
                                     {"gone", disk("/gone", "limits.read", "1B")},
                                     {"free", {{"type", "disk"}, {"source", "/c"}, {"path", "/c"}}}},
                                    container(), on);
    EXPECT_THAT(limits, ElementsAre(Pair("254:0", DiskLimit{0, 7, 0, 0}), Pair("8:0", DiskLimit{200, 0, 100, 0}),
                                    Pair("8:16", DiskLimit{300, 0, 0, 0})));
}

TEST(DiskLimits, NeedAControllerAndADisk) {
    auto on = host();
    EXPECT_EQ(refusal_of([&] { disk_limits({{"t", disk("/tmp", "limits.read", "1MB")}}, container(), on); }),
              "Block device doesn't support quotas \"t\": /tmp is on no disk");
    on.node_host.controllers.clear();
    EXPECT_EQ(refusal_of([&] { disk_limits({{"a", disk("/a", "limits.read", "1MB")}}, container(), on); }),
              "Cannot apply disk limits as blkio cgroup controller is missing");
    EXPECT_THAT(disk_limits({{"c", {{"type", "disk"}, {"source", "/c"}}}}, container(), on), IsEmpty());
}

TEST(DiskLimits, AreItemsOfBothVersions) {
    const DiskLimits limits = {{"8:0", {1000, 0, 0, 20}}};
    EXPECT_THAT(limit_items(limits, 1),
                ElementsAre(schema::LxcItem{"lxc.cgroup.blkio.throttle.read_bps_device", "8:0 1000"},
                            schema::LxcItem{"lxc.cgroup.blkio.throttle.write_iops_device", "8:0 20"}));
    EXPECT_THAT(limit_items(limits, 2), ElementsAre(schema::LxcItem{"lxc.cgroup2.io.max", "8:0 rbps=1000"},
                                                    schema::LxcItem{"lxc.cgroup2.io.max", "8:0 wiops=20"}));
}

TEST(DiskLimits, ChangeByWhatDiffers) {
    const DiskLimits present = {{"8:0", {1000, 5, 0, 0}}, {"8:16", {0, 0, 7, 0}}};
    const DiskLimits wanted = {{"8:0", {2000, 5, 0, 0}}};
    EXPECT_THAT(limit_writes(present, wanted, 1), ElementsAre(Pair("blkio.throttle.write_bps_device", "8:16 0"),
                                                              Pair("blkio.throttle.read_bps_device", "8:0 2000")));
    EXPECT_THAT(limit_writes(present, wanted, 2),
                ElementsAre(Pair("io.max", "8:16 wbps=max"), Pair("io.max", "8:0 rbps=2000")));
    EXPECT_THAT(limit_writes(wanted, wanted, 1), IsEmpty());
}

TEST(DiskLimits, AreReadBack) {
    DiskLimits limits;
    read_limits("blkio.throttle.read_bps_device", "8:0 1000\n8:16 5\nrubbish\n", limits);
    read_limits("blkio.throttle.write_iops_device", "8:0 3\n", limits);
    EXPECT_THAT(limits, ElementsAre(Pair("8:0", DiskLimit{1000, 0, 0, 3}), Pair("8:16", DiskLimit{5, 0, 0, 0})));
    limits.clear();
    read_limits("io.max", "8:0 rbps=1000 wbps=max riops=max wiops=4\n", limits);
    EXPECT_THAT(limits, ElementsAre(Pair("8:0", DiskLimit{1000, 0, 0, 4})));
}

TEST(DiskLimits, ARunningContainerLosesWhatIsNotWanted) {
    auto on = host();
    on.node_host.cgroup["blkio.throttle.read_bps_device"] = "254:0 1000\n8:0 5\n";
    write_limits("c1", {{"254:0", {1000, 0, 0, 0}}}, on.node_host);
    EXPECT_THAT(on.actions, ElementsAre("cgroup c1 blkio.throttle.read_bps_device 8:0 0"));
}

} // namespace
} // namespace devices
