#include "daemon/instance/live_update.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/instance/hosts.h"

namespace instance {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<CgroupWrite> change(const schema::Config& before, const schema::Config& after,
                                const base::HostFacts& host) {
    return live_update(subject(before), subject(after), host);
}

TEST(LiveUpdate, NothingChangedWritesNothing) {
    EXPECT_THAT(change({{"limits.memory", "1GB"}}, {{"limits.memory", "1GB"}, {"user.a", "b"}}, v2_host()), IsEmpty());
    EXPECT_THAT(change({{"limits.memory", "1000MB"}}, {{"limits.memory", "1GB"}}, v2_host()), IsEmpty());
}

TEST(LiveUpdate, ClearingALimitWritesMax) {
    EXPECT_THAT(change({{"limits.memory", "1GB"}}, {}, v2_host()),
                ElementsAre(CgroupWrite{"memory.max", "max"}, CgroupWrite{"memory.swap.max", "max"}));
    EXPECT_THAT(change({{"limits.processes", "9"}}, {}, hybrid_host()), ElementsAre(CgroupWrite{"pids.max", "max"}));
}

TEST(LiveUpdate, RaisingMemoryOnV1RaisesMemoryAndSwapFirst) {
    EXPECT_THAT(change({{"limits.memory", "1GB"}}, {{"limits.memory", "2GB"}}, v1_host()),
                ElementsAre(CgroupWrite{"memory.memsw.limit_in_bytes", "2000000000"},
                            CgroupWrite{"memory.limit_in_bytes", "2000000000"},
                            CgroupWrite{"memory.soft_limit_in_bytes", "1800000000"}));
    EXPECT_EQ(change({{"limits.memory", "1GB"}}, {}, v1_host()).front(),
              (CgroupWrite{"memory.memsw.limit_in_bytes", "-1"}));
}

TEST(LiveUpdate, LoweringMemoryOnV1LowersMemoryFirst) {
    EXPECT_EQ(change({{"limits.memory", "2GB"}}, {{"limits.memory", "1GB"}}, v1_host()).front(),
              (CgroupWrite{"memory.limit_in_bytes", "1000000000"}));
    EXPECT_EQ(change({}, {{"limits.memory", "1GB"}}, v1_host()).front(),
              (CgroupWrite{"memory.limit_in_bytes", "1000000000"}));
}

TEST(LiveUpdate, ANewPeriodIsWrittenWhileThereIsNoQuota) {
    EXPECT_THAT(change({{"limits.cpu.allowance", "25ms/100ms"}}, {{"limits.cpu.allowance", "5ms/10ms"}}, v1_host()),
                ElementsAre(CgroupWrite{"cpu.cfs_quota_us", "-1"}, CgroupWrite{"cpu.cfs_period_us", "10000"},
                            CgroupWrite{"cpu.cfs_quota_us", "5000"}));
}

TEST(LiveUpdate, WhatIsWrittenOnlyWhenSetGoesBackToTheKernelsDefault) {
    EXPECT_THAT(change({{"limits.disk.priority", "9"}}, {}, v2_host()),
                ElementsAre(CgroupWrite{"io.weight", "default 100"}));
    EXPECT_THAT(change({{"limits.memory.swap.priority", "1"}}, {}, v1_host()),
                ElementsAre(CgroupWrite{"memory.swappiness", "60"}));
    EXPECT_THAT(change({{"limits.hugepages.2MB", "4MiB"}}, {}, v2_host()),
                ElementsAre(CgroupWrite{"hugetlb.2MB.max", "max"}));
    EXPECT_THAT(change({{"limits.hugepages.2MB", "4MiB"}}, {}, v1_host()),
                ElementsAre(CgroupWrite{"hugetlb.2MB.limit_in_bytes", "-1"}));
}

TEST(LiveUpdate, AWholeUpdateNeedsToKnowNothingOfWhatWasDone) {
    const auto writes =
        whole_update({{"lxc.cgroup.blkio.weight", "100"}}, {{"lxc.cgroup.memory.limit_in_bytes", "64"},
                                                            {"lxc.cgroup.memory.memsw.limit_in_bytes", "64"},
                                                            {"lxc.cgroup.cpu.cfs_period_us", "10000"},
                                                            {"lxc.cgroup.cpu.cfs_quota_us", "5000"}});
    EXPECT_THAT(writes,
                ElementsAre(CgroupWrite{"memory.memsw.limit_in_bytes", "-1"}, CgroupWrite{"cpu.cfs_quota_us", "-1"},
                            CgroupWrite{"cpu.cfs_period_us", "10000"}, CgroupWrite{"memory.limit_in_bytes", "64"},
                            CgroupWrite{"memory.memsw.limit_in_bytes", "64"}, CgroupWrite{"cpu.cfs_quota_us", "5000"},
                            CgroupWrite{"blkio.weight", "500"}));
}

TEST(LiveUpdate, KeysOfTheNextStartWriteNothing) {
    EXPECT_THAT(change({}, {{"security.privileged", "true"}, {"environment.A", "1"}, {"raw.lxc", "lxc.cap.drop = x"}},
                       v2_host()),
                IsEmpty());
}

} // namespace
} // namespace instance
