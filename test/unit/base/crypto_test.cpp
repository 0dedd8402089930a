#include "daemon/base/crypto.h"

#include <regex>

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(CryptoTest, DigestsAreThoseOfTheStandard) {
    EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(CryptoTest, ADigestInPiecesIsThatOfTheWhole) {
    Sha256 digest;
    digest.update("a");
    digest.update("");
    digest.update("bc");
    EXPECT_EQ(digest.finish(), sha256("abc"));
}

TEST(CryptoTest, IdsAreRandomUuids) {
    const auto id = uuid4();
    EXPECT_TRUE(std::regex_match(id, std::regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")))
        << id;
    EXPECT_NE(uuid4(), id);
}

TEST(CryptoTest, SecretsHaveTwoDigitsAByte) {
    EXPECT_EQ(random_hex(32).size(), 64U);
    EXPECT_NE(random_hex(32), random_hex(32));
}

} // namespace
} // namespace base
