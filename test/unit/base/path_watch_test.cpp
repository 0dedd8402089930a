#include "daemon/base/path_watch.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "test/unit/base/temporary_folder.h"

namespace base {
namespace {

namespace fs = std::filesystem;

class PathWatchTest : public ::testing::Test {
protected:
    /// Whether a change is told of within some seconds after `act`, at whose end `holds` is true.
    bool told_after(const std::function<void()>& act, const std::function<bool()>& holds) {
        act();
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return std::exchange(told_, false) && holds(); });
    }
    void changed() {
        const std::scoped_lock lock(mutex_);
        told_ = true;
        changed_.notify_all();
    }

    test::TemporaryFolder folder_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool told_ = false;
    EventLoop loop_;
    PathWatch watch_{loop_, [this] { changed(); }};
};

TEST_F(PathWatchTest, TellsOfAFileThatComesAndGoes) {
    const auto file = folder_.path() + "/file";
    watch_.set({file});
    const auto there = [&] { return fs::exists(file); };
    EXPECT_TRUE(told_after([&] { std::ofstream{file}; }, there));
    EXPECT_TRUE(told_after([&] { fs::remove(file); }, [&] { return !there(); }));
}

TEST_F(PathWatchTest, FollowsFoldersThatAreNotThereYet) {
    const auto above = folder_.path() + "/a";
    const auto file = above + "/b/file";
    watch_.set({file});
    for (int round = 0; round < 2; ++round) {
        EXPECT_TRUE(
            told_after([&] { fs::create_directories(above + "/b"); }, [&] { return fs::exists(above + "/b"); }));
        EXPECT_TRUE(told_after([&] { std::ofstream{file}; }, [&] { return fs::exists(file); }));
        EXPECT_TRUE(told_after([&] { fs::remove_all(above); }, [&] { return !fs::exists(above); }));
    }
}

TEST_F(PathWatchTest, ForgetsWhatIsNotSetAnyMore) {
    const auto one = folder_.path() + "/one";
    const auto other = folder_.path() + "/x/other";
    fs::create_directories(folder_.path() + "/x");
    watch_.set({one});
    watch_.set({other});
    std::ofstream{one};
    EXPECT_TRUE(told_after([&] { std::ofstream{other}; }, [&] { return fs::exists(other); }));
    watch_.set({});
    watch_.set({one});
    EXPECT_TRUE(told_after([&] { fs::remove(one); }, [&] { return !fs::exists(one); }));
}

} // namespace
} // namespace base
