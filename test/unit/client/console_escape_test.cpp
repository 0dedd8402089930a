#include "client/console_session.h"

#include <gtest/gtest.h>

using client::ConsoleEscape;

TEST(ConsoleEscape, OrdinaryKeysPass) {
    ConsoleEscape escape;
    EXPECT_EQ(escape.pass("ls -q\r"), "ls -q\r");
    EXPECT_FALSE(escape.has_left());
}

TEST(ConsoleEscape, CtrlAThenQLeaves) {
    ConsoleEscape escape;
    EXPECT_EQ(escape.pass("x\x01"), "x");
    EXPECT_FALSE(escape.has_left());
    EXPECT_EQ(escape.pass("qrest"), "");
    EXPECT_TRUE(escape.has_left());
}

TEST(ConsoleEscape, CtrlATwiceSendsOne) {
    ConsoleEscape escape;
    EXPECT_EQ(escape.pass("\x01\x01"), "\x01");
    EXPECT_EQ(escape.pass("q"), "q");
    EXPECT_FALSE(escape.has_left());
}

TEST(ConsoleEscape, AnotherKeyAfterCtrlAEndsTheEscape) {
    ConsoleEscape escape;
    EXPECT_EQ(escape.pass("\x01"
                          "c"),
              "c");
    EXPECT_EQ(escape.pass("q"), "q");
    EXPECT_FALSE(escape.has_left());
}
