#include "client/cures.h"

#include <gmock/gmock.h>

using client::cure_for;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Cures, AMissingSocketAsksForTheDaemon) {
    EXPECT_THAT(
        cure_for("Get \"http://unix.socket/1.0\": dial unix /no/such/socket: connect: no such file or directory"),
        HasSubstr("/no/such/socket"));
    EXPECT_THAT(cure_for("Get \"http://unix.socket/1.0\": dial unix /no/such/socket: connect: permission denied"),
                HasSubstr("sudo"));
}

TEST(Cures, KnownErrorsNameACommand) {
    EXPECT_THAT(cure_for("Failed fetching image: Image not found"), HasSubstr("lxc image list"));
    EXPECT_THAT(cure_for("The remote \"x\" doesn't exist"), HasSubstr("lxc remote list"));
}

TEST(Cures, OthersStandAlone) {
    EXPECT_THAT(cure_for("Something nobody has thought of"), IsEmpty());
}

TEST(Cures, AMistypedKeyIsLikeOneThatThereIs) {
    EXPECT_EQ(cure_for("Invalid config: Unknown configuration key: limits.memroy"), "Did you mean \"limits.memory\"?");
    EXPECT_EQ(cure_for("Invalid config key 'boot.autostrat' in 'boot.autostrat:START'"),
              "Did you mean \"boot.autostart\"?");
    EXPECT_EQ(cure_for("Invalid devices: Device validation failed for \"root\": Invalid device option \"pth\""),
              "Did you mean \"path\"?");
    EXPECT_EQ(cure_for("Invalid option \"sorce\""), "Did you mean \"source\"?");
    EXPECT_EQ(cure_for("Invalid option for volume \"default_v1\" option \"security.shited\""),
              "Did you mean \"security.shifted\"?");
    EXPECT_THAT(cure_for("Invalid value for volume \"default_v1\" option \"size\": Invalid value: x"), IsEmpty());
    EXPECT_THAT(cure_for("Unknown configuration key: nothing.like.any.of.them"), IsEmpty());
    EXPECT_THAT(cure_for("cannot set 'core.https_address' to 'x': invalid address"), IsEmpty());
}

TEST(Cures, AFolderIsCopiedRecursively) {
    EXPECT_THAT(cure_for("read tree: is a directory"), HasSubstr("push -r"));
}
