#include "daemon/instance/report.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "test/unit/base/temporary_folder.h"

namespace instance {
namespace {

/// A folder of control group files.
class ReportTest : public testing::Test {
protected:
    void file(const std::string& path, const std::string& content) {
        const std::filesystem::path full = root_.path() + path;
        std::filesystem::create_directories(full.parent_path());
        std::ofstream(full) << content;
    }
    CgroupFolders folders(const std::string& proc_cgroup, const std::string& v2) {
        return payload_folders(proc_cgroup, root_.path(), root_.path() + v2);
    }

    test::TemporaryFolder root_;
};

TEST(PayloadFolders, AnInitThatMovedDeeperStillCountsAsItsContainer) {
    EXPECT_EQ(payload_folders("0::/lxc.payload.c1/init.scope\n", "/cg", "/cg"),
              (CgroupFolders{{"unified", "/cg/lxc.payload.c1"}}));
}

TEST(PayloadFolders, TheInnermostContainerIsMeant) {
    EXPECT_EQ(payload_folders("0::/lxc.payload.outer/x/lxc.payload.inner/init.scope\n", "/cg", "/cg").at("unified"),
              "/cg/lxc.payload.outer/x/lxc.payload.inner");
}

TEST(PayloadFolders, AHybridTreeHasOneFolderForEachController) {
    EXPECT_EQ(
        payload_folders("9:name=systemd:/lxc.payload.c1\n4:memory:/lxc.payload.c1\n2:cpu,cpuacct:/lxc.payload.c1\n"
                        "0::/lxc.payload.c1\n",
                        "/cg", "/cg/unified"),
        (CgroupFolders{{"cpu", "/cg/cpu/lxc.payload.c1"},
                       {"cpuacct", "/cg/cpuacct/lxc.payload.c1"},
                       {"memory", "/cg/memory/lxc.payload.c1"},
                       {"unified", "/cg/unified/lxc.payload.c1"}}));
}

TEST(PayloadFolders, WithoutAV2TreeThereIsNoUnifiedFolder) {
    EXPECT_TRUE(payload_folders("0::/lxc.payload.c1\n", "/cg", "").empty());
}

TEST_F(ReportTest, V1SwapIsTheDifferenceOfTwoCounters) {
    file("/memory/p/memory.usage_in_bytes", "1000\n");
    file("/memory/p/memory.max_usage_in_bytes", "2000\n");
    file("/memory/p/memory.memsw.usage_in_bytes", "1300\n");
    file("/memory/p/memory.memsw.max_usage_in_bytes", "2500\n");
    file("/cpuacct/p/cpuacct.usage", "123456789\n");
    file("/pids/p/pids.current", "7\n");
    schema::InstanceState state;
    read_usage(folders("4:memory:/p\n3:pids:/p\n2:cpu,cpuacct:/p\n", ""), state);
    EXPECT_EQ(state.memory_usage, 1000);
    EXPECT_EQ(state.memory_usage_peak, 2000);
    EXPECT_EQ(state.swap_usage, 300);
    EXPECT_EQ(state.swap_usage_peak, 500);
    EXPECT_EQ(state.cpu_usage, 123456789);
    EXPECT_EQ(state.processes, 7);
}

TEST_F(ReportTest, V2TellsEverythingInOneFolder) {
    file("/p/memory.current", "1000\n");
    file("/p/memory.peak", "2000\n");
    file("/p/memory.swap.current", "0\n");
    file("/p/cpu.stat", "nr_usage_usec 1\nusage_usec 42\nuser_usec 40\n");
    file("/p/pids.current", "3\n");
    schema::InstanceState state;
    read_usage(folders("0::/p\n", ""), state);
    EXPECT_EQ(state.memory_usage, 1000);
    EXPECT_EQ(state.memory_usage_peak, 2000);
    EXPECT_EQ(state.swap_usage, 0);
    EXPECT_EQ(state.cpu_usage, 42000);
    EXPECT_EQ(state.processes, 3);
}

TEST_F(ReportTest, WhatCannotBeReadIsZero) {
    schema::InstanceState state;
    read_usage(folders("4:memory:/p\n2:cpuacct:/p\n0::/p\n", "/unified"), state);
    EXPECT_EQ(state.memory_usage, 0);
    EXPECT_EQ(state.swap_usage, 0);
    EXPECT_EQ(state.cpu_usage, 0);
    EXPECT_EQ(state.processes, 0);
}

TEST_F(ReportTest, OnlyACompleteFreezeCounts) {
    const auto v1 = folders("5:freezer:/p\n0::/p\n", "");
    file("/freezer/p/freezer.state", "FREEZING\n");
    EXPECT_FALSE(is_frozen(v1));
    file("/freezer/p/freezer.state", "FROZEN\n");
    EXPECT_TRUE(is_frozen(v1));

    const auto v2 = folders("0::/p\n", "");
    file("/p/cgroup.events", "populated 1\nfrozen 0\n");
    EXPECT_FALSE(is_frozen(v2));
    file("/p/cgroup.events", "populated 1\nfrozen 1\n");
    EXPECT_TRUE(is_frozen(v2));
}

TEST(Reporter, AProcessThatHasGoneIsStopped) {
    Reporter reporter;
    const auto state = reporter.state(1 << 30); // above every kernel's pid_max
    EXPECT_EQ(state.status, schema::Status::stopped);
    EXPECT_FALSE(state.network.has_value());
    EXPECT_FALSE(reporter.frozen(1 << 30));
}

} // namespace
} // namespace instance
