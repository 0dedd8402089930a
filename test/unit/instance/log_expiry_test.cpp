#include "daemon/instance/log_expiry.h"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "schema/error.h"
#include "test/fakes/temporary_folder.h"

namespace {

using namespace std::chrono_literals;

const auto now = std::chrono::system_clock::now();

class LogExpiry : public testing::Test {
protected:
    void add(const std::string& path, std::chrono::hours age) {
        const auto full = folder_ / path;
        std::filesystem::create_directories(std::filesystem::path(full).parent_path());
        fakes::write(full, "x");
        set_age(full, age);
    }
    static void set_age(const std::string& full, std::chrono::hours age) {
        const auto seconds = std::chrono::system_clock::to_time_t(now - age);
        const timespec times[2] = {{seconds, 0}, {seconds, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, full.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
    }
    bool left(const std::string& path) const { return std::filesystem::exists(folder_ / path); }
    void expire() { instance::expire_logs(folder_.path(), {"c1"}, now, {}); }

    fakes::TemporaryFolder folder_;
};

TEST_F(LogExpiry, RemovesLogsThatNobodyWroteToForTwoDays) {
    for (const auto* name : {"lxc.log", "lxc.log.old", "console.log", "exec_1.stdout"}) {
        add(std::string("c1/") + name, 49h);
        add(std::string("c1/new-") + name, 47h);
    }
    expire();
    for (const auto* name : {"lxc.log", "lxc.log.old", "console.log", "exec_1.stdout"}) {
        EXPECT_FALSE(left(std::string("c1/") + name)) << name;
        EXPECT_TRUE(left(std::string("c1/new-") + name)) << name;
    }
}

TEST_F(LogExpiry, KeepsWhatARunningContainerNeeds) {
    for (const auto* name : {"lxc.conf", "start.lock", "stop-target"}) add(std::string("c1/") + name, 1000h);
    expire();
    for (const auto* name : {"lxc.conf", "start.lock", "stop-target"})
        EXPECT_TRUE(left(std::string("c1/") + name)) << name;
}

TEST_F(LogExpiry, RemovesTheFolderOfAnUnknownInstanceAfterADay) {
    add("gone/lxc.conf", 25h);
    set_age(folder_ / "gone", 25h);
    add("fresh/lxc.conf", 23h);
    set_age(folder_ / "fresh", 25h);
    expire();
    EXPECT_FALSE(left("gone"));
    EXPECT_TRUE(left("fresh/lxc.conf"));
}

TEST_F(LogExpiry, LeavesFilesBesideTheFoldersAlone) {
    add("lxd.log", 1000h);
    expire();
    EXPECT_TRUE(left("lxd.log"));
}

TEST_F(LogExpiry, FollowsNoLinkOutOfTheFolder) {
    fakes::TemporaryFolder elsewhere;
    fakes::write(elsewhere / "kept", "x");
    std::filesystem::create_directories(folder_ / "c1");
    std::filesystem::create_symlink(elsewhere.path(), folder_ / "c1/exec_link");
    set_age(folder_ / "c1/exec_link", 100h);
    expire();
    EXPECT_FALSE(std::filesystem::is_symlink(folder_ / "c1/exec_link"));
    EXPECT_TRUE(std::filesystem::exists(elsewhere / "kept"));
}

TEST_F(LogExpiry, StopsWhenCancelled) {
    add("c1/lxc.log", 49h);
    const base::CancelToken cancelled;
    cancelled.cancel();
    EXPECT_THROW(instance::expire_logs(folder_.path(), {"c1"}, now, cancelled), schema::Error);
    EXPECT_TRUE(left("c1/lxc.log"));
}

} // namespace
