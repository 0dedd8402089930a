#include "daemon/storage/block_content.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/storage/stream_volume.h"
#include "daemon/storage/tar_archives.h"
#include "daemon/storage/tar_writer.h"
#include "schema/error.h"
#include "test/fakes/temporary_folder.h"

namespace storage {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr int64_t mib = 1 << 20;

struct BlockContent : testing::Test {
    base::Fd opened(const std::string& name) const {
        return base::checked(::open((folder_ / name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), name);
    }
    /// A file of that size with a text at that offset.
    std::string file(const std::string& name, int64_t size, int64_t offset, const std::string& text) const {
        const auto file = opened(name);
        EXPECT_EQ(::ftruncate(file.get(), size), 0);
        EXPECT_EQ(::pwrite(file.get(), text.data(), text.size(), offset), static_cast<ssize_t>(text.size()));
        return folder_ / name;
    }
    int64_t allocated(const std::string& name) const {
        struct stat status{};
        ::stat((folder_ / name).c_str(), &status);
        return status.st_blocks * 512;
    }
    /// What comes of what is sent to a pipe, in a new file of the size that it tells.
    std::string received(const std::function<void(int to)>& send, const std::string& name) const {
        try {
            through_pipe(send, [&](int from) {
                const auto size = received_size(from);
                EXPECT_EQ(::ftruncate(opened(name).get(), size), 0);
                receive_blocks(from, size, folder_ / name, {});
            });
        } catch (const schema::Error& error) {
            return error.what();
        }
        return "";
    }

    fakes::TemporaryFolder folder_;
};

TEST_F(BlockContent, TellsWhereThereIsMoreThanZeros) {
    const auto path = file("volume", 9 * mib + 100, 5 * mib, "text");
    ASSERT_EQ(::pwrite(opened("volume").get(), std::string(3 * mib, '\0').data(), 3 * mib, 0), 3 * mib);
    ASSERT_EQ(::pwrite(opened("volume").get(), "x", 1, 9 * mib + 99), 1);
    const auto blocks = open_blocks(path);
    EXPECT_EQ(size_of_blocks(blocks.get()), 9 * mib + 100);
    EXPECT_THAT(data_in_blocks(blocks.get(), {}), ElementsAre(Pair(5 * mib, 64 << 10), Pair(9 * mib, 100)));
}

TEST_F(BlockContent, AnArchiveBringsItHoweverMuchLargerThanItself) {
    const auto path = file("volume", 3LL << 30, 2LL << 30, "text");
    for (const bool holes : {true, false}) {
        const int64_t size = holes ? 3LL << 30 : 2 * mib;
        ASSERT_EQ(::truncate(path.c_str(), size), 0);
        std::string bytes;
        TarWriter writer([&](std::string_view more) { bytes += more; }, {}, holes);
        writer.add_open_file("backup/volume.img", open_blocks(path).get());
        writer.finish();
        fakes::write(folder_ / "archive", bytes);
        const auto name = holes ? "from-holes" : "from-zeros";
        EXPECT_EQ(received([&](int to) { tar_blocks(folder_ / "archive", "backup/volume.img", to, {}); }, name), "");
        EXPECT_EQ(size_of_blocks(opened(name).get()), size_of_blocks(opened("volume").get()));
        EXPECT_EQ(data_in_blocks(opened(name).get(), {}), data_in_blocks(opened("volume").get(), {}));
        EXPECT_LE(allocated(name), mib);
    }
    EXPECT_THAT(received([&](int to) { tar_blocks(folder_ / "archive", "backup/other.img", to, {}); }, "none"),
                HasSubstr("Could not find"));
}

TEST_F(BlockContent, WhatDoesNotFitIsRefused) {
    const auto sent = [&](int64_t offset, const std::string& text) {
        return received(
            [&](int to) {
                const BlockSender sender(to, 4);
                sender.data(offset, text);
                sender.end();
            },
            "volume");
    };
    EXPECT_EQ(sent(0, "text"), "");
    for (const auto offset : {int64_t{-2}, int64_t{1}, int64_t{5}, INT64_MAX})
        EXPECT_THAT(sent(offset, "text"), HasSubstr("more content than its size"));
    EXPECT_THAT(received([](int to) { const BlockSender sender(to, -1); }, "volume"), HasSubstr("has no size"));
    EXPECT_THAT(received([](int to) { BlockSender(to, 4).data(0, "te"); }, "volume"), HasSubstr("cut short"));
}

TEST_F(BlockContent, ALinkIsNotFollowed) {
    file("volume", mib, 0, "text");
    ASSERT_EQ(::symlink((folder_ / "volume").c_str(), (folder_ / "link").c_str()), 0);
    EXPECT_THROW(open_blocks(folder_ / "link"), std::system_error);
}

} // namespace

} // namespace storage
