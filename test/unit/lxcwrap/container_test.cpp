// What can be asked of liblxc without a container.

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "lxcwrap/container.h"
#include "lxcwrap/error.h"
#include "lxcwrap/features.h"
#include "lxcwrap/list.h"
#include "lxcwrap/version.h"

namespace {

using lxcwrap::Container;

constexpr const char* nowhere = "/tmp/lxcwrap-test-nowhere";

TEST(Container, OneThatNobodyStartedIsStopped) {
    const Container container("lxcwrap-none", nowhere);
    EXPECT_EQ(container.state(), lxcwrap::State::stopped);
    EXPECT_FALSE(container.init_pid());
    EXPECT_FALSE(container.init_pidfd());
    EXPECT_FALSE(container.running_item("lxc.uts.name"));
    EXPECT_FALSE(container.cgroup("pids.max"));
    EXPECT_TRUE(lxcwrap::active_containers(nowhere).empty());
}

TEST(Container, ItemsAreTakenOrRefused) {
    Container container("lxcwrap-none", nowhere);
    EXPECT_TRUE(container.set_item("lxc.uts.name", "a"));
    EXPECT_TRUE(container.set_item("lxc.net.0.type", "empty"));
    EXPECT_FALSE(container.set_item("lxc.nosuch", "a"));
    EXPECT_FALSE(container.set_item("lxc.idmap", "sideways"));
}

TEST(Container, ItemsAreReadBack) {
    Container container("lxcwrap-none", nowhere);
    EXPECT_FALSE(container.item("lxc.apparmor.profile"));
    EXPECT_TRUE(container.set_item("lxc.apparmor.profile", "generated"));
    EXPECT_EQ(container.item("lxc.apparmor.profile"), "generated");
}

TEST(Container, AMissingConfigurationIsNamed) {
    Container container("lxcwrap-none", nowhere);
    try {
        container.load_config("/nosuch/lxc.conf");
        FAIL() << "it was loaded";
    } catch (const lxcwrap::Error& error) {
        EXPECT_STREQ(error.what(), "Failed to load config file /nosuch/lxc.conf for container \"lxcwrap-none\"");
    }
}

TEST(Features, AreThoseThatLxdReports) {
    EXPECT_EQ(lxcwrap::features().size(), 14U);
    EXPECT_EQ(lxcwrap::features().at("pidfd"), lxcwrap::has_api_extension("pidfd"));
    EXPECT_FALSE(lxcwrap::has_api_extension("nosuch"));
}

TEST(Version, IsOfTheFormThatLxdShows) {
    EXPECT_EQ(lxcwrap::version().find_first_not_of("0123456789."), std::string::npos);
}

} // namespace
