#include "daemon/storage/tree_copy.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/storage/file_attributes.h"
#include "schema/error.h"
#include "test/fakes/temporary_folder.h"

namespace storage {

namespace {

namespace fs = std::filesystem;

struct TreeCopyTest : testing::Test {
    void SetUp() override {
        fs::create_directory(from_);
        fs::create_directory(to_);
    }

    static base::Fd open(const std::string& path) {
        return base::checked(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
    }

    void copy(const TreeCopyOptions& options = {}) { copy_tree(open(from_).get(), open(to_).get(), options); }

    static struct stat status(const std::string& path) {
        struct stat result{};
        EXPECT_EQ(::lstat(path.c_str(), &result), 0) << path;
        return result;
    }

    fakes::TemporaryFolder folder_;
    std::string from_ = folder_ / "from";
    std::string to_ = folder_ / "to";
};

TEST_F(TreeCopyTest, CopiesContentOfManyFilesWithEveryNumberOfThreads) {
    for (int number = 0; number < 150; ++number) {
        const auto place = from_ + "/d" + std::to_string(number % 7);
        fs::create_directories(place);
        fakes::write(place + "/f" + std::to_string(number), std::string(static_cast<size_t>(number) * 37, 'x'));
    }
    for (const unsigned threads : {1U, 4U}) {
        const auto target = folder_ / ("to" + std::to_string(threads));
        fs::create_directory(target);
        TreeCopyOptions options;
        options.threads = threads;
        options.reflink = false;
        copy_tree(open(from_).get(), open(target).get(), options);
        for (const auto& entry : fs::recursive_directory_iterator(from_))
            if (entry.is_regular_file()) {
                EXPECT_EQ(fakes::read(entry.path().string()),
                          fakes::read((target / fs::relative(entry.path(), from_)).string()));
            }
    }
}

TEST_F(TreeCopyTest, KeepsModesWithSetuidAndTimesOfFilesAndFolders) {
    fs::create_directory(from_ + "/dir");
    fakes::write(from_ + "/dir/tool", "x");
    fs::permissions(from_ + "/dir/tool", fs::perms(06755));
    fs::permissions(from_ + "/dir", fs::perms(01777));
    const std::array<timespec, 2> times{timespec{1000, 5}, timespec{2000, 7}};
    ::utimensat(AT_FDCWD, (from_ + "/dir/tool").c_str(), times.data(), 0);
    ::utimensat(AT_FDCWD, (from_ + "/dir").c_str(), times.data(), 0);
    copy();
    for (const std::string path : {"/dir", "/dir/tool"}) {
        EXPECT_EQ(status(to_ + path).st_mode, status(from_ + path).st_mode);
        EXPECT_EQ(status(to_ + path).st_mtim.tv_sec, 2000);
        EXPECT_EQ(status(to_ + path).st_mtim.tv_nsec, 7);
    }
}

TEST_F(TreeCopyTest, KeepsHardLinksTogether) {
    fs::create_directory(from_ + "/sub");
    fakes::write(from_ + "/one", "shared");
    fs::create_hard_link(from_ + "/one", from_ + "/sub/two");
    copy();
    EXPECT_EQ(status(to_ + "/one").st_ino, status(to_ + "/sub/two").st_ino);
    EXPECT_NE(status(to_ + "/one").st_ino, status(from_ + "/one").st_ino);
}

TEST_F(TreeCopyTest, CopiesLinksAsTextAndNeverFollowsThem) {
    fs::create_symlink("/etc/passwd", from_ + "/absolute");
    fs::create_symlink("../../outside", from_ + "/up");
    fs::create_directory_symlink(folder_.path(), from_ + "/folder");
    copy();
    EXPECT_EQ(fs::read_symlink(to_ + "/absolute"), "/etc/passwd");
    EXPECT_EQ(fs::read_symlink(to_ + "/up"), "../../outside");
    EXPECT_EQ(fs::read_symlink(to_ + "/folder"), folder_.path());
}

TEST_F(TreeCopyTest, KeepsFifosSocketsAndNamesOfAnyBytes) {
    ::mkfifo((from_ + "/fifo").c_str(), 0640);
    ::mknod((from_ + "/socket").c_str(), S_IFSOCK | 0600, 0);
    fakes::write(from_ + "/\xff\n name", "x");
    copy();
    EXPECT_TRUE(S_ISFIFO(status(to_ + "/fifo").st_mode));
    EXPECT_TRUE(S_ISSOCK(status(to_ + "/socket").st_mode));
    EXPECT_EQ(fakes::read(to_ + "/\xff\n name"), "x");
}

TEST_F(TreeCopyTest, LeavesHolesHoles) {
    const auto file = base::checked(::open((from_ + "/sparse").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644), "open");
    ASSERT_EQ(::pwrite(file.get(), "x", 1, 8 << 20), 1);
    ASSERT_EQ(::ftruncate(file.get(), 16 << 20), 0);
    TreeCopyOptions options;
    options.reflink = false;
    copy(options);
    EXPECT_EQ(status(to_ + "/sparse").st_size, 16 << 20);
    EXPECT_LT(status(to_ + "/sparse").st_blocks, 1024);
    EXPECT_EQ(fakes::read(from_ + "/sparse"), fakes::read(to_ + "/sparse"));
}

TEST_F(TreeCopyTest, KeepsExtendedAttributes) {
    fakes::write(from_ + "/file", "x");
    if (::setxattr((from_ + "/file").c_str(), "user.note", "value", 5, 0) < 0)
        GTEST_SKIP() << "the temporary folder's filesystem has no extended attributes";
    const std::string large(2000, 'v');
    ::setxattr((from_ + "/file").c_str(), "user.large", large.data(), large.size(), 0);
    copy();
    const auto fd = base::checked(::open((to_ + "/file").c_str(), O_RDONLY | O_CLOEXEC), "open");
    auto found = xattrs(fd.get());
    std::ranges::sort(found);
    EXPECT_EQ(found, (Xattrs{{"user.large", large}, {"user.note", "value"}}));
}

TEST_F(TreeCopyTest, KeepsOwnersCapabilitiesAndDevices) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    fakes::write(from_ + "/ping", "x");
    ASSERT_EQ(::chown((from_ + "/ping").c_str(), 1234, 5678), 0);
    ASSERT_EQ(::chmod((from_ + "/ping").c_str(), 04755), 0);
    // Version 2, effective, cap_net_raw permitted.
    const std::string capability("\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
                                 20);
    ASSERT_EQ(::setxattr((from_ + "/ping").c_str(), "security.capability", capability.data(), 20, 0), 0);
    const bool devices = ::mknod((from_ + "/null").c_str(), S_IFCHR | 0666, ::makedev(1, 3)) == 0;
    copy();
    EXPECT_EQ(status(to_ + "/ping").st_uid, 1234U);
    EXPECT_EQ(status(to_ + "/ping").st_gid, 5678U);
    EXPECT_EQ(status(to_ + "/ping").st_mode & 07777, 04755U);
    std::string value(64, '\0');
    const auto size = ::getxattr((to_ + "/ping").c_str(), "security.capability", value.data(), value.size());
    ASSERT_EQ(size, 20);
    EXPECT_EQ(value.substr(0, 20), capability);
    if (devices) {
        EXPECT_EQ(status(to_ + "/null").st_rdev, ::makedev(1, 3));
        EXPECT_EQ(status(to_ + "/null").st_mode, status(from_ + "/null").st_mode);
    }
}

TEST_F(TreeCopyTest, TellsHowFarItIs) {
    for (int number = 0; number < 100; ++number) fakes::write(from_ + "/f" + std::to_string(number), "x");
    std::vector<int> percents;
    TreeCopyOptions options;
    options.progress = [&](int percent) { percents.push_back(percent); };
    copy(options);
    ASSERT_GT(percents.size(), 10U);
    EXPECT_TRUE(std::ranges::is_sorted(percents));
    EXPECT_LE(percents.back(), 100);
}

TEST_F(TreeCopyTest, StopsWhenItIsCancelled) {
    for (int number = 0; number < 100; ++number) fakes::write(from_ + "/f" + std::to_string(number), "x");
    TreeCopyOptions options;
    options.progress = [&](int percent) {
        if (percent > 20) options.cancel.cancel();
    };
    EXPECT_THROW(copy(options), schema::Error);
    const auto copied = std::distance(fs::directory_iterator(to_), fs::directory_iterator());
    EXPECT_LT(copied, 100);
}

} // namespace

} // namespace storage
