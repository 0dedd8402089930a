#include "client/dispatch.h"
#include "client/flags.h"

#include <gtest/gtest.h>

#include "schema/error.h"

namespace client {
namespace {

constexpr Flag own[] = {
    {"columns", 'c', FlagKind::text, "", "ns"}, {"force", 'f', FlagKind::toggle, ""},
    {"profile", 'p', FlagKind::texts, ""},      {"timeout", 0, FlagKind::number, "", "-1"},
    {"user", 0, FlagKind::id, "", "0"},         {"console", 0, FlagKind::text, "", "", "console"},
};
constexpr Flag global[] = {{"quiet", 'q', FlagKind::toggle, ""}, {"project", 0, FlagKind::text, ""}};

ParsedFlags parse(const std::vector<std::string>& words) {
    return parse_flags(words, own, global);
}

std::string complaint(const std::vector<std::string>& words) {
    try {
        parse(words);
    } catch (const schema::Error& error) {
        return error.what();
    }
    return "";
}

TEST(Flags, StandAnywhereAmongTheArguments) {
    const auto parsed = parse({"c1", "-f", "c2", "--timeout", "5", "-q"});
    EXPECT_EQ(parsed.arguments, (std::vector<std::string>{"c1", "c2"}));
    EXPECT_TRUE(parsed.flags.on("force"));
    EXPECT_TRUE(parsed.flags.on("quiet"));
    EXPECT_EQ(parsed.flags.number("timeout"), 5);
}

TEST(Flags, EndAtTwoDashes) {
    const auto parsed = parse({"c1", "--", "ls", "-la", "--", "x"});
    EXPECT_EQ(parsed.arguments, (std::vector<std::string>{"c1", "ls", "-la", "--", "x"}));
}

TEST(Flags, TakeTheirValueInEveryForm) {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"-c", "n4"}, {"-cn4"}, {"-c=n4"}, {"--columns", "n4"}, {"--columns=n4"}, {"-fcn4"}, {"-fc", "n4"}}) {
        EXPECT_EQ(parse(words).flags.text("columns"), "n4") << words[0];
    }
    EXPECT_EQ(parse({"--timeout", "-1"}).flags.number("timeout"), -1);
}

TEST(Flags, HaveTheirInitialValueWhenNotGiven) {
    const auto flags = parse({}).flags;
    EXPECT_EQ(flags.text("columns"), "ns");
    EXPECT_EQ(flags.number("timeout"), -1);
    EXPECT_FALSE(flags.on("force"));
    EXPECT_FALSE(flags.has("columns"));
}

TEST(Flags, RepeatWhereTheyMay) {
    EXPECT_EQ(parse({"-p", "a", "--profile=b"}).flags.texts("profile"), (std::vector<std::string>{"a", "b"}));
}

TEST(Flags, CanBeSwitchedOffAndStandBare) {
    EXPECT_FALSE(parse({"--force=false"}).flags.on("force"));
    EXPECT_EQ(parse({"--console", "c1"}).flags.text("console"), "console");
    EXPECT_EQ(parse({"--console=vga"}).flags.text("console"), "vga");
    EXPECT_EQ(parse({"-"}).arguments, std::vector<std::string>{"-"});
}

TEST(Flags, AreComplainedAboutAsLxdDoes) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
        {{"--foo"}, "unknown flag: --foo"},
        {{"-x"}, "unknown shorthand flag: 'x' in -x"},
        {{"-fxy"}, "unknown shorthand flag: 'x' in -fxy"},
        {{"-c"}, "flag needs an argument: 'c' in -c"},
        {{"--columns"}, "flag needs an argument: --columns"},
        {{"--=x"}, "bad flag syntax: --=x"},
        {{"--timeout=x"},
         "invalid argument \"x\" for \"--timeout\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"},
        {{"--user=-1"},
         "invalid argument \"-1\" for \"--user\" flag: strconv.ParseUint: parsing \"-1\": invalid syntax"},
        {{"--user=4294967296"},
         "invalid argument \"4294967296\" for \"--user\" flag: strconv.ParseUint: parsing "
         "\"4294967296\": value out of range"},
        {{"-f=x"}, "invalid argument \"x\" for \"-f, --force\" flag: strconv.ParseBool: parsing \"x\": invalid syntax"},
    };
    for (const auto& [words, text] : cases) EXPECT_EQ(complaint(words), text);
}

TEST(FindCommand, GoesDownTheTreeAndKeepsTheRest) {
    const auto found = find_command(root_command, {"-q", "config", "device", "--project", "default", "ls", "c1"});
    EXPECT_EQ(full_name(found.path), "lxc config device list");
    EXPECT_EQ(found.rest, (std::vector<std::string>{"-q", "--project", "default", "c1"}));
}

TEST(FindCommand, SuggestsWhatIsClose) {
    try {
        find_command(root_command, {"lanch"});
        FAIL();
    } catch (const schema::Error& error) {
        EXPECT_STREQ(error.what(), "unknown command \"lanch\" for \"lxc\"\n\nDid you mean this?\n\tlaunch\n");
    }
}

/// Every command of the tree: with a function or with children, a line of words, and flags that do not clash.
void walk(const CommandPath& path) {
    const auto& command = *path.back();
    SCOPED_TRACE(full_name(path));
    EXPECT_FALSE(command.summary.empty());
    EXPECT_TRUE(command.run != nullptr || !command.children.empty() || command.name == "help");
    for (const auto& flag : command.flags) {
        EXPECT_FALSE(flag.help.empty()) << flag.name;
        for (const auto& other : global_flags) {
            EXPECT_NE(flag.name, other.name);
            EXPECT_TRUE(flag.letter == 0 || flag.letter != other.letter) << flag.name;
        }
    }
    EXPECT_NE(help_text(path, global_flags, true, true).find("Usage:\n"), std::string::npos);
    for (const auto* child : command.children) {
        auto deeper = path;
        deeper.push_back(child);
        walk(deeper);
    }
}

TEST(Commands, AreCompleteInTheTable) {
    walk({&root_command});
}

} // namespace
} // namespace client
