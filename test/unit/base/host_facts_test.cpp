#include "daemon/base/host_facts.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "test/unit/base/temporary_folder.h"

namespace base {
namespace {

/// A host made of files.
class HostFactsTest : public testing::Test {
protected:
    void file(const std::string& path, const std::string& content = "") {
        const std::filesystem::path full = root_.path() + path;
        std::filesystem::create_directories(full.parent_path());
        std::ofstream(full) << content;
    }
    HostFacts facts() { return read_host_facts(root_.path()); }

    test::TemporaryFolder root_;
};

TEST_F(HostFactsTest, APureV2TreeHasItsControllersAndTwoBuiltIn) {
    file("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
    file("/sys/fs/cgroup/system.slice/memory.swap.max", "max\n");
    file("/sys/fs/cgroup/system.slice/io.weight", "default 100\n");
    file("/proc/self/cgroup", "0::/system.slice/lxd.service\n");
    file("/proc/1/cgroup", "0::/init.scope\n");
    const auto cgroup = facts().cgroup;
    EXPECT_EQ(cgroup.layout, CgroupLayout::v2);
    EXPECT_EQ(cgroup.controllers,
              (std::map<std::string, int>{
                  {"cpu", 2}, {"cpuset", 2}, {"devices", 2}, {"freezer", 2}, {"io", 2}, {"memory", 2}, {"pids", 2}}));
    EXPECT_TRUE(cgroup.swap_accounting);
    EXPECT_EQ(cgroup.disk_weight, "io.weight");
}

TEST_F(HostFactsTest, AHybridTreeTakesEachControllerFromWhereItIs) {
    file("/sys/fs/cgroup/unified/cgroup.controllers", "hugetlb misc\n");
    file("/sys/fs/cgroup/unified/cgroup.subtree_control", "hugetlb\n");
    file("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", "0\n");
    file("/sys/fs/cgroup/blkio/blkio.bfq.weight", "100\n");
    file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
    file("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n");
    file("/proc/self/cgroup", "9:name=systemd:/\n7:blkio:/\n4:memory:/a\n2:net_cls:/\n0::/\n");
    file("/proc/1/cgroup", "0::/\n");
    const auto cgroup = facts().cgroup;
    EXPECT_EQ(cgroup.layout, CgroupLayout::hybrid);
    EXPECT_EQ(cgroup.controllers, (std::map<std::string, int>{{"blkio", 1}, {"hugetlb", 2}, {"memory", 1}}));
    EXPECT_TRUE(cgroup.swap_accounting);
    EXPECT_EQ(cgroup.disk_weight, "blkio.bfq.weight");
    EXPECT_EQ(cgroup.hugetlb, (std::set<std::string>{"1GB", "2MB"}));
}

TEST_F(HostFactsTest, V1ControllersMayShareATree) {
    file("/sys/fs/cgroup/cpu/cpu.shares", "1024\n");
    file("/sys/fs/cgroup/cpuacct/cpuacct.usage", "0\n");
    file("/proc/self/cgroup", "2:cpu,cpuacct:/\n");
    const auto cgroup = facts().cgroup;
    EXPECT_EQ(cgroup.layout, CgroupLayout::v1);
    EXPECT_EQ(cgroup.controllers, (std::map<std::string, int>{{"cpu", 1}, {"cpuacct", 1}}));
}

TEST_F(HostFactsTest, WithoutFilesThereIsNothing) {
    const auto found = facts();
    EXPECT_EQ(found.cgroup.layout, CgroupLayout::none);
    EXPECT_FALSE(found.apparmor.available);
    EXPECT_FALSE(found.in_user_namespace);
    EXPECT_TRUE(found.lxcfs.empty());
}

TEST_F(HostFactsTest, AMapOfLessThanEverythingIsAUserNamespace) {
    file("/proc/self/uid_map", "         0          0 4294967295\n");
    EXPECT_FALSE(facts().in_user_namespace);
    file("/proc/self/uid_map", "         0     100000      65536\n");
    EXPECT_TRUE(facts().in_user_namespace);
}

TEST_F(HostFactsTest, MemoryAndCpusAreRead) {
    file("/proc/meminfo", "MemTotal:        1000 kB\nMemFree:  5 kB\n");
    file("/sys/devices/system/cpu/online", "0-2,5\n");
    file("/sys/devices/system/cpu/isolated", "\n");
    file("/sys/devices/system/node/node1/cpulist", "2,5\n");
    EXPECT_EQ(facts().memory_total, 1024000U);
    const auto found = read_cpu_facts(root_.path());
    EXPECT_EQ(found.online, (std::set<unsigned>{0, 1, 2, 5}));
    EXPECT_TRUE(found.isolated.empty());
    EXPECT_EQ(found.numa_nodes.at(1), (std::set<unsigned>{2, 5}));
}

TEST_F(HostFactsTest, CpusThatTheControlGroupMayNotUseAreNoneOfOurs) {
    file("/sys/devices/system/cpu/online", "0-3\n");
    file("/sys/fs/cgroup/cpuset/cpuset.effective_cpus", "1-2\n");
    EXPECT_EQ(read_cpu_facts(root_.path()).online, (std::set<unsigned>{1, 2}));
}

TEST_F(HostFactsTest, CpusOfAPureV2TreeAreThoseOfTheGroupOfContainers) {
    file("/sys/devices/system/cpu/online", "0-3\n");
    file("/proc/1/cgroup", "0::/inner/init.scope\n");
    file("/sys/fs/cgroup/inner/cpuset.cpus.effective", "2-9\n");
    EXPECT_EQ(read_cpu_facts(root_.path()).online, (std::set<unsigned>{2, 3}));
}

TEST_F(HostFactsTest, AppArmorTellsOfStackingAndConfinement) {
    const std::string kernel = "/sys/kernel/security/apparmor";
    file(kernel + "/features/domain/stack", "yes\n");
    file(kernel + "/features/domain/version", "1.2\n");
    file(kernel + "/.ns_stacked", "no\n");
    file("/proc/self/status", "CapEff:\t000001ffffffffff\n");
    file("/proc/self/attr/current", "lxd-c1 (enforce)\n");
    const auto apparmor = facts().apparmor;
    EXPECT_TRUE(apparmor.available);
    EXPECT_TRUE(apparmor.admin);
    EXPECT_TRUE(apparmor.stacking);
    EXPECT_FALSE(apparmor.stacked);
    EXPECT_TRUE(apparmor.confined);
    EXPECT_EQ(apparmor.current, "lxd-c1");
}

TEST_F(HostFactsTest, LxcfsFilesAreListedBelowItsMount) {
    file("/proc/self/mountinfo", "52 1 0:46 / /var/lib/lxcfs rw shared:9 - fuse.lxcfs lxcfs rw\n");
    file("/var/lib/lxcfs/proc/meminfo");
    file("/var/lib/lxcfs/proc/uptime");
    file("/var/lib/lxcfs/sys/devices/system/cpu/online");
    const auto found = facts();
    EXPECT_EQ(found.lxcfs, "/var/lib/lxcfs");
    EXPECT_EQ(found.lxcfs_files,
              (std::vector<std::string>{"proc/meminfo", "proc/uptime", "sys/devices/system/cpu/online"}));
}

TEST_F(HostFactsTest, SharedPathsSayWhetherTheyAreFolders) {
    file("/dev/fuse");
    file("/sys/kernel/debug/x");
    EXPECT_EQ(facts().shared_paths, (std::map<std::string, bool>{{"/dev/fuse", false}, {"/sys/kernel/debug", true}}));
}

TEST(DetectHost, EveryFeatureOfTheEnvironmentBlockHasAnAnswer) {
    const auto facts = detect_host_facts();
    EXPECT_EQ(facts.kernel_features.size(), 7U);
    EXPECT_FALSE(facts.kernel_version.empty());
    EXPECT_FALSE(facts.architectures.empty());
}

} // namespace
} // namespace base
