// The liblxc runtime and lxd-runner against the real liblxc, privileged and unprivileged. Needs root; exits 77 without.

#include <chrono>
#include <csignal>
#include <cstdio>

#include <gtest/gtest.h>

#include "schema/error.h"
#include "test/system/box.h"

namespace {

using box::Box;

class RuntimeTest : public testing::TestWithParam<bool> {
protected:
    Box box{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Both, RuntimeTest, testing::Bool(), [](const auto& parameter) {
    return std::string(parameter.param ? "Privileged" : "Unprivileged");
});

TEST_P(RuntimeTest, AStartedContainerIsFoundAndAKilledOneIsNot) {
    EXPECT_FALSE(box.runtime().find(box.name()));
    const auto started = box.start();
    const auto found = box.runtime().find(box.name());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->state, instance::RunState::running);
    EXPECT_EQ(found->init_pid, started.init_pid);
    EXPECT_EQ(found->monitor_pid, started.monitor_pid);
    box.runtime().kill(box.name());
    EXPECT_TRUE(box::await_end(started.monitor_pid));
    EXPECT_FALSE(box.runtime().find(box.name()));
    EXPECT_EQ(box.runtime().stop_target(box.name()), "stop");
}

TEST_P(RuntimeTest, ExitCodesArriveAsLxdHasThem) {
    box.start();
    EXPECT_EQ(box.run({"true"}).code, 0);
    EXPECT_EQ(box.run({"sh", "-c", "exit 42"}).code, 42);
    EXPECT_EQ(box.run({"sh", "-c", "kill -9 $$"}).code, 137);
    EXPECT_EQ(box.run({"nosuch"}).code, 127);
    EXPECT_EQ(box.run({"/etc/passwd"}).code, 126);
}

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (const auto reason = box::missing(); !reason.empty()) {
        std::printf("skipped: %s\n", reason.c_str());
        return 77;
    }
    return RUN_ALL_TESTS();
}
