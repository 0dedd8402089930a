#include "client/aliases.h"

#include <gmock/gmock.h>

#include "schema/error.h"

using client::expanded_alias;
using testing::ElementsAre;

namespace {

const client::Aliases aliases{
    {"ls-mine", "list -c ns"}, {"image mine", "image list @ARGS@ user=me"},
    {"image", "image list"},   {"swap", "exec @ARG2@ -- echo @ARG1@:@ARG1@ @ARGS@"},
    {"list", "list -c n"},
};

} // namespace

TEST(Aliases, WordsThatAreNoAliasStayAsTheyAre) {
    EXPECT_FALSE(expanded_alias(aliases, {"start", "ls-mine"}));
    EXPECT_FALSE(expanded_alias(aliases, {}));
    EXPECT_FALSE(expanded_alias(aliases, {"--debug"}));
}

TEST(Aliases, WordsAfterAnAliasGoToItsEnd) {
    EXPECT_THAT(*expanded_alias(aliases, {"ls-mine", "c1"}), ElementsAre("list", "-c", "ns", "c1"));
}

TEST(Aliases, FlagsBeforeAnAliasStayInFront) {
    EXPECT_THAT(*expanded_alias(aliases, {"--debug", "ls-mine"}), ElementsAre("--debug", "list", "-c", "ns"));
}

TEST(Aliases, WordsGoWhereTheAliasSays) {
    EXPECT_THAT(*expanded_alias(aliases, {"image", "mine", "a", "b"}),
                ElementsAre("image", "list", "a", "b", "user=me"));
}

TEST(Aliases, NumberedWordsAreTakenOutOfTheRest) {
    EXPECT_THAT(*expanded_alias(aliases, {"swap", "one", "two", "three"}),
                ElementsAre("exec", "two", "--", "echo", "one:one", "three"));
}

TEST(Aliases, ANumberWithoutAWordIsAnError) {
    EXPECT_THROW(expanded_alias(aliases, {"swap", "one"}), schema::Error);
}

TEST(Aliases, TheAliasOfMostWordsCounts) {
    EXPECT_THAT(*expanded_alias(aliases, {"image", "show"}), ElementsAre("image", "list", "show"));
    EXPECT_THAT(*expanded_alias(aliases, {"image", "mine"}), ElementsAre("image", "list", "user=me"));
}

TEST(Aliases, ShellIsBuiltInAndCanBeReplaced) {
    EXPECT_THAT(*expanded_alias({}, {"shell", "c1"}), ElementsAre("exec", "c1", "--", "su", "-l"));
    EXPECT_THAT(*expanded_alias({{"shell", "exec @ARGS@ -- bash"}}, {"shell", "c1"}),
                ElementsAre("exec", "c1", "--", "bash"));
}
