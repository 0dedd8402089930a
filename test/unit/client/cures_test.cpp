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
