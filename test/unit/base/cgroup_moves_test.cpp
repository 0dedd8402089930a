#include "daemon/base/cgroup_moves.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "test/unit/base/temporary_folder.h"

namespace base {
namespace {

class CgroupMovesTest : public ::testing::Test {
protected:
    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(root() + path).parent_path());
        std::ofstream(root() + path) << text;
    }
    std::string read(const std::string& path) const {
        std::ostringstream text;
        text << std::ifstream(root() + path).rdbuf();
        return text.str();
    }
    void foresee_one() const {
        std::optional<CgroupMoves> moves; // outlives its jobs
        WorkerPool workers(1);
        moves.emplace(workers, root());
        moves->foresee();
    }
    const std::string& root() const { return folder_.path(); }
    std::optional<std::string> own() const { return own_cgroup_processes(root()); }

private:
    test::TemporaryFolder folder_;
};

TEST_F(CgroupMovesTest, TheOwnCgroupIsFoundOnV2) {
    write("/proc/self/cgroup", "0::/system.slice/lxd.service\n");
    write("/sys/fs/cgroup/system.slice/lxd.service/cgroup.procs", "");
    EXPECT_EQ(own(), root() + "/sys/fs/cgroup/system.slice/lxd.service/cgroup.procs");
}

TEST_F(CgroupMovesTest, TheOwnCgroupIsFoundBesideV1) {
    write("/proc/self/cgroup", "0::/lxd\n");
    write("/sys/fs/cgroup/unified/lxd/cgroup.procs", "");
    EXPECT_EQ(own(), root() + "/sys/fs/cgroup/unified/lxd/cgroup.procs");
}

TEST_F(CgroupMovesTest, TheOwnCgroupIsFoundOnV1InAnyHierarchyThatIsMounted) {
    write("/proc/self/cgroup", "12:rdma:/\n4:cpu,cpuacct:/lxd\n1:name=systemd:/x\n");
    write("/sys/fs/cgroup/systemd/x/cgroup.procs", "");
    EXPECT_EQ(own(), root() + "/sys/fs/cgroup/systemd/x/cgroup.procs");
    write("/sys/fs/cgroup/cpu,cpuacct/lxd/cgroup.procs", "");
    EXPECT_EQ(own(), root() + "/sys/fs/cgroup/cpu,cpuacct/lxd/cgroup.procs");
}

TEST_F(CgroupMovesTest, WithoutCgroupsThereIsNone) {
    EXPECT_EQ(own(), std::nullopt);
    write("/proc/self/cgroup", "0::/\nno line\n");
    EXPECT_EQ(own(), std::nullopt);
}

TEST_F(CgroupMovesTest, TheProcessIsToldToStayInItsOwnCgroup) {
    write("/proc/self/cgroup", "0::/\n");
    write("/sys/fs/cgroup/cgroup.procs", "");
    foresee_one();
    EXPECT_EQ(read("/sys/fs/cgroup/cgroup.procs"), "0");
}

TEST_F(CgroupMovesTest, WithoutCgroupsNothingIsWritten) {
    foresee_one();
    EXPECT_FALSE(std::filesystem::exists(root() + "/sys"));
}

} // namespace
} // namespace base
