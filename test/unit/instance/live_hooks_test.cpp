#include "daemon/instance/live_hooks.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "schema/keys/instance.h"

namespace instance {

namespace {

const std::vector<LiveHook> hooks = {
    {"one", {"raw.apparmor", "security.nesting"}, nullptr},
    {"all", {"user.*"}, nullptr},
};

std::set<std::string> due(const schema::Config& before, const schema::Config& wanted) {
    std::set<std::string> names;
    for (const auto* hook : due_hooks(hooks, before, wanted)) EXPECT_TRUE(names.emplace(hook->name).second);
    return names;
}

} // namespace

TEST(LiveHooks, AChangedNewOrLostKeyCallsItsHookOnce) {
    EXPECT_EQ(due({}, {{"raw.apparmor", "a"}, {"security.nesting", "true"}}), std::set<std::string>{"one"});
    EXPECT_EQ(due({{"raw.apparmor", "a"}}, {{"raw.apparmor", "b"}}), std::set<std::string>{"one"});
    EXPECT_EQ(due({{"user.x", "a"}}, {}), std::set<std::string>{"all"});
    EXPECT_EQ(due({{"user.x", "a"}, {"raw.apparmor", "a"}}, {{"user.y", "a"}}), (std::set<std::string>{"all", "one"}));
}

TEST(LiveHooks, AKeyThatStaysOrIsNobodysCallsNone) {
    EXPECT_EQ(due({{"user.x", "a"}}, {{"user.x", "a"}}), std::set<std::string>{});
    EXPECT_EQ(due({{"raw.lxc", "a"}}, {{"limits.cpu", "1"}}), std::set<std::string>{});
}

TEST(LiveHooks, EachIsOfKeysThatThereAre) {
    std::set<std::string_view> present;
    for (const auto& row : schema::instance_keys()) present.insert(row.name);
    for (const auto& hook : live_hooks())
        for (const auto key : hook.keys) EXPECT_TRUE(present.contains(key)) << hook.name << ": " << key;
}

} // namespace instance
