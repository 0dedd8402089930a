#include "daemon/storage/decompression.h"

#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

#include "daemon/base/files.h"
#include "schema/error.h"
#include "test/fakes/temporary_folder.h"
#include "test/unit/storage/gzip_member.h"

namespace storage {

namespace {

constexpr size_t mib = 1 << 20;

/// That compresses, but not to nothing.
std::string text(size_t size, unsigned seed) {
    std::string made(size, ' ');
    for (auto& byte : made) {
        seed = seed * 1103515245 + 12345;
        byte = static_cast<char>('a' + (seed >> 24U) % 16);
    }
    return made;
}

std::string member(const std::string& plain) {
    return gzip_member(plain, 1);
}

struct DecompressionTest : testing::Test {
    std::string held(const std::string& packed) {
        base::write_file(folder_ / "file", packed);
        Decompression content(folder_ / "file", {});
        std::string all;
        for (auto piece = content.next(); !piece.empty(); piece = content.next()) all += piece;
        EXPECT_LE(content.read_so_far(), content.size());
        return all;
    }
    std::string refusal(const std::string& packed) {
        try {
            held(packed);
        } catch (const schema::Error& error) {
            return error.what();
        }
        return "";
    }

    fakes::TemporaryFolder folder_;
};

TEST_F(DecompressionTest, WhatIsNotCompressedIsTakenAsItIs) {
    const auto plain = text(3 * mib, 1);
    EXPECT_EQ(held(plain), plain);
    EXPECT_EQ(refusal(""), "Damaged archive: Unrecognized archive format");
}

TEST_F(DecompressionTest, MembersSmallAndLargeAreOneContent) {
    const std::vector<std::string> parts{text(mib, 1), text(100, 2), "", text(5 * mib, 3), text(mib, 4)};
    std::string plain;
    std::string packed;
    for (const auto& part : parts) {
        plain += part;
        packed += member(part);
    }
    EXPECT_EQ(held(packed), plain);
    EXPECT_EQ(held(member(plain)), plain);
}

TEST_F(DecompressionTest, WhatFollowsTheLastMemberIsLeftOut) {
    EXPECT_EQ(held(member("content") + std::string(512, '\0')), "content");
    EXPECT_EQ(held(member("content") + "and more"), "content");
}

TEST_F(DecompressionTest, DamageIsToldAfterWhatCameBeforeIt) {
    const auto whole = member(text(mib, 1));
    const auto other = member(text(mib, 2));
    for (const auto& bad : {other.substr(0, other.size() / 2), other.substr(0, other.size() - 4)}) {
        EXPECT_THAT(refusal(whole + bad), testing::HasSubstr("Damaged archive: ")) << bad.size();
        base::write_file(folder_ / "file", whole + bad);
        Decompression content(folder_ / "file", {});
        EXPECT_EQ(content.next(), text(mib, 1));
    }
    auto changed = other;
    changed[changed.size() / 2] ^= 1;
    EXPECT_THAT(refusal(whole + changed), testing::HasSubstr("Damaged archive: "));
}

TEST_F(DecompressionTest, NobodyNeedsToReadItToTheEnd) {
    std::string packed;
    for (unsigned seed = 0; seed < 64; ++seed) packed += member(text(mib, seed));
    base::write_file(folder_ / "file", packed);
    Decompression content(folder_ / "file", {});
    EXPECT_EQ(content.next(), text(mib, 0));
}

TEST_F(DecompressionTest, ItEndsWhenItIsCancelled) {
    const base::CancelToken cancel;
    cancel.cancel();
    base::write_file(folder_ / "file", member("content"));
    Decompression content(folder_ / "file", cancel);
    EXPECT_THROW(content.next(), std::exception);
}

} // namespace
} // namespace storage
