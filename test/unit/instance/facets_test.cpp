#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/instance/facets/list.h"
#include "daemon/instance/live_update.h"
#include "daemon/instance/lxc_config.h"
#include "schema/error.h"
#include "test/unit/instance/hosts.h"

namespace instance {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

bool holds(const Items& items, const LxcItem& item) {
    return std::find(items.begin(), items.end(), item) != items.end();
}

TEST(Memory, AHardLimitOnV1CoversSwapToo) {
    EXPECT_THAT(memory_facet.lxc_items(subject({{"limits.memory", "100MB"}}), v1_host()),
                ElementsAre(LxcItem{"lxc.cgroup.memory.limit_in_bytes", "100000000"},
                            LxcItem{"lxc.cgroup.memory.memsw.limit_in_bytes", "100000000"},
                            LxcItem{"lxc.cgroup.memory.soft_limit_in_bytes", "90000000"}));
}

TEST(Memory, ASoftLimitOnV1LeavesTheHardOneOpen) {
    EXPECT_THAT(
        memory_facet.lxc_items(subject({{"limits.memory", "100MB"}, {"limits.memory.enforce", "soft"}}), v1_host()),
        ElementsAre(LxcItem{"lxc.cgroup.memory.limit_in_bytes", "-1"},
                    LxcItem{"lxc.cgroup.memory.memsw.limit_in_bytes", "-1"},
                    LxcItem{"lxc.cgroup.memory.soft_limit_in_bytes", "100000000"}));
}

TEST(Memory, LimitsOnV2) {
    EXPECT_THAT(memory_facet.lxc_items(subject({{"limits.memory", "25%"}}), v2_host()),
                ElementsAre(LxcItem{"lxc.cgroup2.memory.max", "2000000000"}, LxcItem{"lxc.cgroup2.memory.high", "max"},
                            LxcItem{"lxc.cgroup2.memory.swap.max", "2000000000"}));
    EXPECT_THAT(memory_facet.lxc_items(subject({{"limits.memory.swap", "no"}}), v2_host()),
                ElementsAre(LxcItem{"lxc.cgroup2.memory.max", "max"}, LxcItem{"lxc.cgroup2.memory.high", "max"},
                            LxcItem{"lxc.cgroup2.memory.swap.max", "0"}));
}

TEST(Memory, SwapIsLeftAloneWhereTheKernelDoesNotAccountForIt) {
    auto host = v1_host();
    host.cgroup.swap_accounting = false;
    for (const auto& item : memory_facet.lxc_items(subject({{"limits.memory", "1GB"}}), host)) {
        EXPECT_EQ(item.key.find("memsw"), std::string::npos);
    }
}

TEST(Memory, SwappinessFallsWithPriorityAndIsNoneWithoutSwap) {
    EXPECT_TRUE(holds(memory_facet.lxc_items(subject({{"limits.memory.swap.priority", "2"}}), v1_host()),
                      {"lxc.cgroup.memory.swappiness", "68"}));
    EXPECT_TRUE(holds(memory_facet.lxc_items(subject({{"limits.memory.swap", "false"}}), v1_host()),
                      {"lxc.cgroup.memory.swappiness", "0"}));
}

TEST(Limits, AControllerThatIsMissingGetsNothing) {
    const auto config = subject({{"limits.memory", "1GB"}, {"limits.cpu.allowance", "10%"}, {"limits.processes", "5"}});
    EXPECT_THAT(cgroup_items(config, plain_host()), IsEmpty());
}

TEST(Cpu, AllowanceInPercentIsAWeight) {
    EXPECT_TRUE(holds(cpu_facet.lxc_items(subject({{"limits.cpu.allowance", "50%"}}), v1_host()),
                      {"lxc.cgroup.cpu.shares", "512"}));
    EXPECT_TRUE(holds(cpu_facet.lxc_items(subject({{"limits.cpu.allowance", "50%"}}), v2_host()),
                      {"lxc.cgroup2.cpu.weight", "50"}));
    EXPECT_TRUE(
        holds(cpu_facet.lxc_items(subject({{"limits.cpu.allowance", "50%"}, {"limits.cpu.priority", "4"}}), v2_host()),
              {"lxc.cgroup2.cpu.weight", "44"}));
}

TEST(Cpu, WeightsStayInTheKernelsBounds) {
    EXPECT_TRUE(holds(cpu_facet.lxc_items(subject({{"limits.cpu.allowance", "0%"}}), v1_host()),
                      {"lxc.cgroup.cpu.shares", "2"}));
    EXPECT_TRUE(holds(cpu_facet.lxc_items(subject({{"limits.cpu.allowance", "0%"}}), v2_host()),
                      {"lxc.cgroup2.cpu.weight", "1"}));
}

TEST(Cpu, AllowanceInTimeIsAQuota) {
    const auto config = subject({{"limits.cpu.allowance", "25ms/100ms"}});
    EXPECT_THAT(cpu_facet.lxc_items(config, v1_host()),
                ElementsAre(LxcItem{"lxc.cgroup.cpu.shares", "1024"}, LxcItem{"lxc.cgroup.cpu.cfs_period_us", "100000"},
                            LxcItem{"lxc.cgroup.cpu.cfs_quota_us", "25000"}));
    EXPECT_THAT(cpu_facet.lxc_items(config, v2_host()),
                ElementsAre(LxcItem{"lxc.cgroup2.cpu.weight", "100"}, LxcItem{"lxc.cgroup2.cpu.max", "25000 100000"}));
}

TEST(HugePages, LimitsAreInTheFileOfTheirSize) {
    const auto config = subject({{"limits.hugepages.2MB", "4MiB"}});
    EXPECT_THAT(hugepages_facet.lxc_items(config, v1_host()),
                ElementsAre(LxcItem{"lxc.cgroup.hugetlb.2MB.limit_in_bytes", "4194304"}));
    EXPECT_THAT(hugepages_facet.lxc_items(config, v2_host()),
                ElementsAre(LxcItem{"lxc.cgroup2.hugetlb.2MB.max", "4194304"}));
    EXPECT_THAT(hugepages_facet.lxc_items(subject(), v2_host()), IsEmpty());
}

TEST(HugePages, ASizeThatTheHostLacksIsRefused) {
    auto host = v2_host();
    host.cgroup.hugetlb = {"2MB"};
    EXPECT_THROW(hugepages_facet.lxc_items(subject({{"limits.hugepages.1GB", "1GiB"}}), host), schema::Error);
    host.cgroup.controllers.erase("hugetlb");
    EXPECT_THROW(hugepages_facet.lxc_items(subject({{"limits.hugepages.2MB", "4MiB"}}), host), schema::Error);
}

TEST(DiskIo, IsRefusedWithLxdsTextWhereTheHostHasNoWeights) {
    auto host = v1_host();
    host.cgroup.disk_weight.clear();
    try {
        disk_io_facet.lxc_items(subject({{"limits.disk.priority", "3"}}), host);
        FAIL();
    } catch (const schema::Error& error) {
        EXPECT_STREQ(error.what(), "Cannot apply limits.disk.priority as blkio.weight cgroup controller is missing");
    }
    EXPECT_TRUE(holds(disk_io_facet.lxc_items(subject({{"limits.disk.priority", "0"}}), v1_host()),
                      {"lxc.cgroup.blkio.bfq.weight", "10"}));
}

TEST(Privilege, AContainerOfItsOwnNamespaceKeepsItsCapabilities) {
    const auto items = privilege_facet.lxc_items(subject(), v1_host());
    EXPECT_TRUE(holds(items, {"lxc.idmap", "u 0 100000 65536"}));
    EXPECT_TRUE(holds(items, {"lxc.mount.auto", "proc:rw sys:rw cgroup:mixed"}));
    for (const auto& item : items) EXPECT_NE(item.key, "lxc.cap.drop");
}

TEST(Privilege, RootOfTheHostIsHeldBack) {
    const auto items = privilege_facet.lxc_items(subject({{"security.privileged", "true"}}), v2_host());
    EXPECT_TRUE(holds(items, {"lxc.cap.drop", "sys_time sys_module sys_rawio mac_admin mac_override"}));
    EXPECT_TRUE(holds(items, {"lxc.mount.auto", "proc:mixed sys:mixed cgroup:rw:force"}));
    EXPECT_TRUE(holds(items, {"lxc.cgroup2.devices.deny", "a"}));
    for (const auto& item : items) EXPECT_NE(item.key, "lxc.idmap");
}

TEST(Privilege, InsideOfAUserNamespaceThereIsNothingToHoldBack) {
    auto host = v1_host();
    host.in_user_namespace = true;
    const auto items = privilege_facet.lxc_items(subject({{"security.privileged", "true"}}), host);
    EXPECT_TRUE(holds(items, {"lxc.mount.auto", "proc:rw sys:rw cgroup:mixed"}));
    for (const auto& item : items) EXPECT_FALSE(item.key.starts_with("lxc.cgroup")) << item.key;
}

TEST(Confinement, ThereIsNoAppArmorItemWithoutAppArmor) {
    for (const auto& item : confinement_facet.lxc_items(subject(), v1_host()))
        EXPECT_EQ(item.key, "lxc.seccomp.profile");
}

TEST(Confinement, AppArmorFollowsWhatTheDaemonMayDo) {
    auto host = v1_host();
    host.apparmor = {true, true, false, true, false, "unconfined"};
    EXPECT_TRUE(holds(confinement_facet.lxc_items(subject(), host),
                      {"lxc.apparmor.profile", "lxd-c1_</var/lib/lxd>//&:lxd-c1_<var-lib-lxd>:"}));
    host.apparmor.confined = true;
    host.apparmor.current = "outer";
    EXPECT_TRUE(holds(confinement_facet.lxc_items(subject(), host), {"lxc.apparmor.profile", "outer"}));
}

TEST(Basics, LxcfsIsLaidOverProc) {
    auto host = v1_host();
    host.lxcfs = "/var/lib/lxcfs";
    host.lxcfs_files = {"proc/meminfo"};
    EXPECT_TRUE(holds(basics_facet.lxc_items(subject(), host),
                      {"lxc.mount.entry", "/var/lib/lxcfs/proc/meminfo proc/meminfo none bind,optional 0 0"}));
}

TEST(Identity, NarrowArchitecturesHaveTheirPersonality) {
    auto narrow = subject();
    narrow.architecture = "i686";
    EXPECT_TRUE(holds(identity_facet.lxc_items(narrow, v1_host()), {"lxc.arch", "linux32"}));
}

TEST(LxcConfig, RawItemsComeLastAndDevicesBeforeThem) {
    const auto items = lxc_config(subject({{"raw.lxc", "lxc.rootfs.path = dir:/other"}}), v1_host(),
                                  {{"lxc.rootfs.path", "dir:/root"}});
    ASSERT_GE(items.size(), 2U);
    EXPECT_EQ(items.back(), (LxcItem{"lxc.rootfs.path", "dir:/other"}));
    EXPECT_EQ(items[items.size() - 2], (LxcItem{"lxc.rootfs.path", "dir:/root"}));
}

TEST(LxcConfig, AValueCannotHoldALineBreak) {
    EXPECT_THROW(lxc_config(subject({{"environment.A", "1\nlxc.init.cmd = /evil"}}), v1_host(), {}), schema::Error);
}

} // namespace
} // namespace instance
