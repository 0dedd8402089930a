// Whole profiles, as files in test/data/apparmor. With UPDATE_GOLDEN=1 in the environment they are written instead;
// look at the difference before committing.

#include "daemon/instance/apparmor_profile.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include <gtest/gtest.h>

#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "test/unit/instance/hosts.h"

namespace instance {
namespace {

const std::filesystem::path folder = std::filesystem::path(TEST_DATA) / "apparmor";

struct Case {
    const char* name;
    schema::Config config;
    bool privileged;
    bool stacking;
    bool user_namespaces;
};

const Case cases[] = {
    {"unprivileged", {}, false, true, false},
    {"privileged", {{"raw.apparmor", "\nmount fstype=ext4,\ncapability,\n\n"}}, true, true, false},
    {"nesting", {{"security.nesting", "true"}}, false, true, true},
    {"nesting_unstacked", {{"security.nesting", "true"}}, true, false, false},
};

std::string profile(const Case& row) {
    auto host = test::v2_host();
    host.apparmor = {true, true, false, row.stacking, false, "unconfined"};
    return apparmor_profile(test::subject().paths, {"c1", row.config, row.privileged, row.user_namespaces}, host);
}

/// AppArmor's globs as a regular expression.
std::string expression(std::string_view glob) {
    static const std::pair<std::string_view, std::string_view> words[] = {{"**", ".*"}, {"*", "[^/]*"},  {"?", "[^/]"},
                                                                          {"{", "(?:"}, {",", "|"},      {"}", ")"},
                                                                          {".", "[.]"}, {"[^.]", "[^.]"}};
    std::string text;
    while (!glob.empty()) {
        std::pair<std::string_view, std::string_view> best{glob.substr(0, 1), glob.substr(0, 1)};
        for (const auto& word : words)
            if (glob.starts_with(word.first) && (word.first.size() > 1 || best.second == best.first)) best = word;
        text += best.second;
        glob.remove_prefix(best.first.size());
    }
    return text;
}

} // namespace

TEST(AppArmorProfile, IsAsRecorded) {
    for (const auto& row : cases) {
        const auto file = folder / row.name;
        if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(file) << profile(row);
        EXPECT_TRUE(profile(row) == base::read_file(file)) << row.name;
    }
}

TEST(AppArmorProfile, IsOneToTheParser) {
    if (base::find_program("apparmor_parser").empty()) GTEST_SKIP() << "apparmor_parser is not installed";
    for (const auto& row : cases) {
        if (row.user_namespaces) continue; // of newer parsers
        const auto done = base::run({.argv = {"apparmor_parser", "-Q", "-K", "-q", "--", folder / row.name}});
        EXPECT_TRUE(done.exit.ok()) << row.name << ": " << done.err;
    }
}

TEST(AppArmorProfile, NamesAreTheOnesThatLxdGives) {
    const state::Paths paths = {"/var/lib/lxd", "", "", ""};
    EXPECT_EQ(apparmor_profile_name(paths, "c1"), "lxd-c1_</var/lib/lxd>");
    EXPECT_EQ(apparmor_namespace(paths, "c1"), "lxd-c1_<var-lib-lxd>");
    const state::Paths deep = {"/" + std::string(250, 'x'), "", "", ""};
    EXPECT_EQ(apparmor_profile_name(deep, "c1").size(), 4 + 64);
    EXPECT_NE(apparmor_profile_name(deep, "c1"), apparmor_profile_name(deep, "c2"));
}

TEST(AppArmorProfile, ALabelNamesWhatTheKernelHas) {
    const state::Paths paths = {"/d", "", "", ""};
    base::AppArmorFacts facts;
    EXPECT_EQ(apparmor_label(paths, "c1", facts), "");
    facts = {true, true, false, false, false, "unconfined"};
    EXPECT_EQ(apparmor_label(paths, "c1", facts), "lxd-c1_</d>");
    facts.stacking = true;
    EXPECT_EQ(apparmor_label(paths, "c1", facts), "lxd-c1_</d>//&:lxd-c1_<d>:");
    facts.stacked = true;
    EXPECT_EQ(apparmor_label(paths, "c1", facts), "lxd-c1_</d>");
    facts.confined = true;
    facts.current = "outer";
    EXPECT_EQ(apparmor_label(paths, "c1", facts), "outer");
}

TEST(AppArmorProfile, GlobsMatchAllButTheKept) {
    const std::string_view kept[] = {"dev/.lxc", "proc", "kernel/msg*"};
    const auto globs = globs_but("/", kept);
    const auto matches = [&](const std::string& path) {
        return std::any_of(globs.begin(), globs.end(),
                           [&](const auto& glob) { return std::regex_match(path, std::regex(expression(glob))); });
    };
    for (const auto* path : {"/a", "/a/b", "/d", "/dev/", "/dev/x", "/dev/.lxd", "/dev/.lxcfs", "/dev/.l", "/devices/x",
                             "/p", "/pro/c", "/process", "/processes/", "/kernel/x", "/kernel/ms"})
        EXPECT_EQ(matches(path), std::string_view(path) != "/dev/") << path;
    for (const auto* path : {"/", "/proc", "/proc/", "/proc/1/mem", "/dev/.lxc", "/dev/.lxc/proc/x", "/kernel/msgmax"})
        EXPECT_FALSE(matches(path)) << path;
}

} // namespace instance
