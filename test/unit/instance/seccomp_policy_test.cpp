// Whole policies, as pairs of files in test/data/seccomp: NAME.yaml (configuration) and NAME.policy, which
// UPDATE_GOLDEN=1 writes, and what the host has to be able to do for them.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "daemon/instance/facets/list.h"
#include "daemon/instance/seccomp_policy.h"
#include "schema/error.h"
#include "schema/seccomp_rules.h"
#include "test/unit/instance/hosts.h"

namespace instance {
namespace {

namespace fs = std::filesystem;

const fs::path folder = fs::path(TEST_DATA) / "seccomp";

base::HostFacts able_host() {
    auto facts = test::v2_host();
    facts.kernel_version = "6.1.0-18-amd64";
    facts.kernel_features = {{"seccomp_listener", true}, {"seccomp_listener_continue", true}};
    return facts;
}

std::string refusal_of(const schema::Config& config, const base::HostFacts& facts) {
    try {
        seccomp_policy(test::subject(config), facts);
    } catch (const schema::Error& error) {
        return error.what();
    }
    return "";
}

std::vector<std::string> values_of(const Items& items, std::string_view key) {
    std::vector<std::string> values;
    for (const auto& item : items)
        if (item.key == key) values.push_back(item.value);
    return values;
}

class SeccompGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(SeccompGolden, IsAsRecordedAndOfRulesThatOurOwnCheckTakes) {
    const auto yaml = YAML::LoadFile(folder / (GetParam() + ".yaml"));
    schema::Config config;
    for (const auto& member : yaml["config"]) config[member.first.as<std::string>()] = member.second.as<std::string>();
    const auto policy = seccomp_policy(test::subject(config), able_host());
    const auto text = policy.value_or("(none)\n");
    const auto expected = folder / (GetParam() + ".policy");
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(expected) << text;
    std::stringstream recorded;
    recorded << std::ifstream(expected).rdbuf();
    EXPECT_EQ(text, recorded.str());
    if (!policy) return;
    EXPECT_NO_THROW(schema::check_seccomp_policy(*policy));
}

std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().extension() == ".yaml") found.push_back(entry.path().stem());
    std::sort(found.begin(), found.end());
    return found;
}

INSTANTIATE_TEST_SUITE_P(Files, SeccompGolden, ::testing::ValuesIn(names()),
                         [](const auto& parameter) { return parameter.param; });

TEST(SeccompPolicy, WithoutAnyRuleThereIsNoItemEither) {
    const auto subject = test::subject({{"security.syscalls.deny_default", "false"}});
    EXPECT_TRUE(values_of(confinement_facet.lxc_items(subject, able_host()), "lxc.seccomp.profile").empty());
}

TEST(SeccompPolicy, InterceptedCallsGoToTheDaemonUnderTheInstancesName) {
    const auto subject = test::subject({{"security.syscalls.intercept.mknod", "true"}});
    const auto items = confinement_facet.lxc_items(subject, able_host());
    EXPECT_EQ(values_of(items, "lxc.seccomp.notify.proxy"),
              std::vector<std::string>{"unix:/var/lib/lxd/seccomp.socket"});
    EXPECT_EQ(values_of(items, "lxc.seccomp.notify.cookie"), std::vector<std::string>{"c1"});
    EXPECT_TRUE(
        values_of(confinement_facet.lxc_items(test::subject(), able_host()), "lxc.seccomp.notify.proxy").empty());
}

TEST(SeccompPolicy, WhatTheKernelCannotDoIsRefusedWithLxdsTexts) {
    auto host = able_host();
    host.kernel_version = "5.8.18";
    EXPECT_EQ(refusal_of({{"security.syscalls.intercept.bpf", "true"}}, host),
              "Seccomp notify doesn't support adding file descriptors");
    host.kernel_features["seccomp_listener_continue"] = false;
    EXPECT_EQ(refusal_of({{"security.syscalls.intercept.mknod", "true"}}, host), "");
    EXPECT_EQ(refusal_of({{"security.syscalls.intercept.mount", "true"}}, host),
              "Seccomp notify doesn't support continuing syscalls");
    host.kernel_features["seccomp_listener"] = false;
    EXPECT_EQ(refusal_of({{"security.syscalls.intercept.mknod", "true"}}, host), "Seccomp notify not supported");
    EXPECT_EQ(refusal_of({{"security.syscalls.intercept.mknod", "false"}}, host), "");
}

TEST(SeccompPolicy, NothingIsInterceptedWithinAUserNamespace) {
    auto host = able_host();
    host.in_user_namespace = true;
    EXPECT_FALSE(wants_interception(test::subject({{"security.syscalls.intercept.mknod", "true"}}), host));
}

} // namespace
} // namespace instance
