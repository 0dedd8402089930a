#include "daemon/instance/origins.h"

#include <gtest/gtest.h>

#include "daemon/instance/lxc_config.h"
#include "test/unit/instance/hosts.h"

namespace instance {
namespace {

std::string origin_of(const Items& items, std::string_view key) {
    for (const auto& item : items)
        if (item.key == key) return item.origin;
    return "(not there)";
}

TEST(Origins, AreTheKeysWithoutWhichAnItemWouldNotBeThere) {
    const auto items = lxc_config(test::subject({{"limits.memory", "1GB"},
                                                 {"limits.memory.enforce", "soft"},
                                                 {"environment.A", "1"},
                                                 {"raw.lxc", "# why\nlxc.cap.drop = net_raw"}}),
                                  test::v1_host(), {{"lxc.rootfs.path", "/", "device root"}});
    EXPECT_EQ(origin_of(items, "lxc.cgroup.memory.soft_limit_in_bytes"), "limits.memory, limits.memory.enforce");
    EXPECT_EQ(origin_of(items, "lxc.cgroup.memory.limit_in_bytes"), "limits.memory.enforce");
    EXPECT_EQ(origin_of(items, "lxc.cgroup.cpu.shares"), "cpu");
    EXPECT_EQ(origin_of(items, "lxc.environment"), "environment.A");
    EXPECT_EQ(origin_of(items, "lxc.rootfs.path"), "device root");
    EXPECT_EQ(origin_of(items, "lxc.cap.drop"), "raw.lxc line 2");
}

TEST(Origins, NameWhoSetsAKeyInTheEnd) {
    schema::Profile base;
    base.name = "default";
    base.config = {{"limits.memory", "1GB"}, {"limits.cpu.priority", "3"}, {"raw.lxc", "x"}};
    base.devices = {{"root", {}}, {"eth0", {}}};
    schema::Profile other;
    other.name = "more";
    other.config = {{"limits.cpu.priority", "4"}};
    std::vector<LxcItem> items = {{"a", "", "limits.memory, limits.cpu.priority"},
                                  {"b", "", "raw.lxc line 2"},
                                  {"c", "", "device root"},
                                  {"d", "", "device eth0"},
                                  {"e", "", "basics"}};
    name_sources(sources({base, other}, {{"limits.memory", "2GB"}}, {{"root", {}}}), items);
    EXPECT_EQ(items[0].origin, "limits.memory of the instance, limits.cpu.priority of profile more");
    EXPECT_EQ(items[1].origin, "raw.lxc line 2 of profile default");
    EXPECT_EQ(items[2].origin, "device root of the instance");
    EXPECT_EQ(items[3].origin, "device eth0 of profile default");
    EXPECT_EQ(items[4].origin, "basics");
}

TEST(Origins, AreCommentsAboveTheItems) {
    EXPECT_EQ(to_text({{"a", "1", "x"}, {"b", "2", "x"}, {"c", "3", "y"}}), "# x\na = 1\nb = 2\n# y\nc = 3\n");
}

} // namespace
} // namespace instance
