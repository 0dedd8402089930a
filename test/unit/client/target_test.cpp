#include "client/target.h"

#include <gtest/gtest.h>

#include "client/commands/list_filter.h"
#include "client/editor.h"
#include "client/remotes.h"
#include "client/sizes.h"
#include "schema/error.h"

namespace client {
namespace {

TEST(Target, IsSplitAtTheFirstColon) {
    EXPECT_EQ(split_target("c1"), (Target{"", "c1"}));
    EXPECT_EQ(split_target("local:c1"), (Target{"local", "c1"}));
    EXPECT_EQ(split_target("local:"), (Target{"local", ""}));
    EXPECT_EQ(split_target("a:b:c"), (Target{"a", "b:c"}));
}

TEST(Remotes, StandInWhereNoneIsNamed) {
    const Remotes remotes;
    EXPECT_EQ(remotes.resolve("c1"), (Target{"local", "c1"}));
    EXPECT_EQ(remotes.resolve("ubuntu:22.04"), (Target{"ubuntu", "22.04"}));
    EXPECT_EQ(remotes.resolve("c1/at:noon"), (Target{"local", "c1/at:noon"}));
    EXPECT_THROW(remotes.resolve("nonsense:c1"), schema::Error);
}

TEST(Paths, AreCleanedAsGoDoes) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "."},         {"/", "/"},         {"a//b/", "a/b"}, {"/a/../..", "/"}, {"../a", "../a"},
        {"a/../..", ".."}, {"./a/./b", "a/b"}, {"/../a", "/a"},  {"-", "-"},
    };
    for (const auto& [path, cleaned] : cases) EXPECT_EQ(clean_path(path), cleaned) << path;
    EXPECT_EQ(base_name("/a/b/"), "b");
    EXPECT_EQ(base_name("/"), "/");
    EXPECT_EQ(dir_name("/a/b"), "/a");
    EXPECT_EQ(dir_name("b"), ".");
    EXPECT_EQ(join_path("/a", "../b"), "/b");
}

TEST(Escapes, KeepWhatGoKeeps) {
    EXPECT_EQ(path_escape("a b/c:d@e+f%"), "a%20b%2Fc:d@e+f%25");
    EXPECT_EQ(query_escape("a b/c:d+e"), "a%20b%2Fc%3Ad%2Be");
    EXPECT_EQ(unescape("a%20b%2Fc%zz%"), "a b/c%zz%");
}

TEST(Sizes, AreRoundedToTwoDecimals) {
    EXPECT_EQ(byte_size(999), "999B");
    EXPECT_EQ(byte_size(1500), "1.50kB");
    EXPECT_EQ(byte_size(1'234'567'890), "1.23GB");
    EXPECT_EQ(binary_byte_size(1023), "1023B");
    EXPECT_EQ(binary_byte_size(466'944), "456.00KiB");
    EXPECT_EQ(parse_byte_size("512MiB"), 512LL << 20U);
    EXPECT_EQ(parse_byte_size("1GB"), 1'000'000'000);
    EXPECT_EQ(parse_byte_size("4096"), 4096);
    EXPECT_FALSE(parse_byte_size("12parsecs"));
}

TEST(EditorCommand, IsDividedLikeAShellWould) {
    EXPECT_EQ(command_words("sed -i 's/a b/c/' \"x y\" a\\ b"),
              (std::vector<std::string>{"sed", "-i", "s/a b/c/", "x y", "a b"}));
}

} // namespace
} // namespace client
