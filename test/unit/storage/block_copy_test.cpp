#include "daemon/storage/block_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "schema/error.h"
#include "test/fakes/temporary_folder.h"

namespace storage {

namespace {

struct BlockCopy : testing::Test {
    base::Fd opened(const char* name) const {
        return base::checked(::open((folder_ / name).c_str(), O_RDWR | O_CLOEXEC), name);
    }
    int64_t allocated(const char* name) const {
        struct stat status{};
        ::stat((folder_ / name).c_str(), &status);
        return status.st_blocks * 512;
    }

    fakes::TemporaryFolder folder_;
};

TEST_F(BlockCopy, TheTargetHoldsWhatTheSourceHoldsAndKeepsWhatIsBeyond) {
    constexpr size_t mib = 1 << 20;
    const auto wanted = std::string(mib, 'a') + std::string(mib / 2, 'b');
    fakes::write(folder_ / "source", wanted);
    fakes::write(folder_ / "target", std::string(3 * mib, 'z'));
    int last = 0;
    copy_block_device(opened("source").get(), opened("target").get(), {}, [&](int percent) { last = percent; });
    EXPECT_EQ(fakes::read(folder_ / "target"), wanted + std::string(3 * mib - wanted.size(), 'z'));
    EXPECT_EQ(last, 100);
}

TEST_F(BlockCopy, WhatIsTheSameIsNotWritten) {
    constexpr off_t size = 8 << 20;
    for (const auto* name : {"source", "target"}) {
        fakes::write(folder_ / name, "");
        ASSERT_EQ(::ftruncate(opened(name).get(), size), 0);
    }
    ASSERT_EQ(::pwrite(opened("source").get(), "x", 1, size / 2), 1);
    copy_block_device(opened("source").get(), opened("target").get(), {}, {});
    EXPECT_LE(allocated("target"), 1 << 20);
    EXPECT_EQ(fakes::read(folder_ / "target"), fakes::read(folder_ / "source"));
}

TEST_F(BlockCopy, ACancelledOneEnds) {
    fakes::write(folder_ / "source", "text");
    fakes::write(folder_ / "target", "else");
    base::CancelToken cancel;
    cancel.cancel();
    EXPECT_THROW(copy_block_device(opened("source").get(), opened("target").get(), cancel, {}), schema::Error);
    EXPECT_EQ(fakes::read(folder_ / "target"), "else");
}

} // namespace

} // namespace storage
