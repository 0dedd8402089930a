#include "daemon/base/files.h"

#include <filesystem>
#include <functional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "test/unit/base/temporary_folder.h"

namespace base {
namespace {

namespace fs = std::filesystem;

struct FilesTest : testing::Test {
    test::TemporaryFolder folder;

    std::string path(const std::string& name) const { return folder.path() + "/" + name; }
};

std::error_code error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const std::system_error& error) {
        return error.code();
    }
    return {};
}

TEST_F(FilesTest, WhatIsWrittenIsRead) {
    write_file(path("a"), "some\ntext");
    EXPECT_EQ(read_file(path("a")), "some\ntext");
    EXPECT_EQ(read_file_if_exists(path("b")), std::nullopt);
    EXPECT_EQ(error_of([&] { read_file(path("b")); }), std::errc::no_such_file_or_directory);
}

TEST_F(FilesTest, ReplacingChangesContentAndModeAndLeavesNothingElse) {
    write_file(path("a"), "old", 0600);
    replace_file(path("a"), "new", 0644);
    EXPECT_EQ(read_file(path("a")), "new");
    struct stat info{};
    ::stat(path("a").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777U, 0644U);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST_F(FilesTest, AFailedReplacementLeavesTheOldAndNoRest) {
    fs::create_directory(path("a"));
    EXPECT_THROW(replace_file(path("a"), "new"), std::system_error);
    EXPECT_TRUE(fs::is_directory(path("a")));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST_F(FilesTest, MadeFoldersHaveTheModeWhateverTheUmask) {
    const auto before = ::umask(077);
    make_dir(path("d"), 0711);
    ::umask(before);
    struct stat info{};
    ::stat(path("d").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777U, 0711U);
    EXPECT_NO_THROW(make_dir(path("d"), 0700));
    ::stat(path("d").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777U, 0711U);
}

TEST_F(FilesTest, NothingLeadsOutOfARoot) {
    fs::create_directories(path("root/etc"));
    write_file(path("secret"), "outside");
    write_file(path("root/secret"), "inside");
    fs::create_symlink("../../../../../../../.." + path("secret"), path("root/etc/relative"));
    fs::create_symlink("/secret", path("root/etc/absolute"));
    fs::create_symlink("/", path("root/etc/top"));
    const Fd root(::open(path("root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));

    for (const auto* name : {"/etc/absolute", "etc/absolute", "../../secret", "/../secret", "etc/top/secret"}) {
        const auto fd = open_in_root(root.get(), name, O_RDONLY);
        EXPECT_EQ(read_to_end(fd.get()), "inside") << name;
    }
    EXPECT_EQ(error_of([&] { open_in_root(root.get(), "etc/relative", O_RDONLY); }),
              std::errc::no_such_file_or_directory);
}

TEST_F(FilesTest, MagicLinksAreRefused) {
    const Fd proc(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    EXPECT_EQ(error_of([&] { open_in_root(proc.get(), "self/root/etc", O_RDONLY); }),
              std::errc::too_many_symbolic_link_levels);
}

TEST_F(FilesTest, OpeningBeneathRefusesLinksAndLeavingTheFolder) {
    fs::create_directories(path("root/etc"));
    write_file(path("root/etc/file"), "x");
    write_file(path("secret"), "outside");
    fs::create_symlink("etc", path("root/link"));
    const Fd root(::open(path("root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    EXPECT_EQ(read_to_end(open_beneath(root.get(), "/etc/file", O_RDONLY).get()), "x");
    EXPECT_THROW(open_beneath(root.get(), "link/file", O_RDONLY), std::system_error);
    EXPECT_THROW(open_beneath(root.get(), "../secret", O_RDONLY), std::system_error);
}

TEST_F(FilesTest, OpenedFilesAreCreatedWithTheModeAndCloseOnExec) {
    const Fd root(::open(folder.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto fd = open_in_root(root.get(), "new", O_WRONLY | O_CREAT, 0640);
    EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_TRUE(exists(path("new")));
}

TEST_F(FilesTest, RemovingATreeLeavesWhatItsLinksPointTo) {
    fs::create_directories(path("keep"));
    write_file(path("keep/file"), "x");
    fs::create_directories(path("tree/a/b"));
    write_file(path("tree/a/file"), "x");
    fs::create_directory_symlink(path("keep"), path("tree/a/link"));
    ::mkfifo(path("tree/a/b/fifo").c_str(), 0600);
    remove_tree(path("tree"));
    EXPECT_FALSE(exists(path("tree")));
    EXPECT_EQ(read_file(path("keep/file")), "x");
}

TEST_F(FilesTest, RemovingALinkToATreeLeavesTheTree) {
    fs::create_directory(path("keep"));
    fs::create_directory_symlink(path("keep"), path("link"));
    remove_tree(path("link"));
    EXPECT_FALSE(exists(path("link")));
    EXPECT_TRUE(exists(path("keep")));
}

TEST_F(FilesTest, RemovingWhatIsMissingIsNoError) {
    EXPECT_NO_THROW(remove_tree(path("nothing")));
}

TEST_F(FilesTest, TreesDeeperThanOurDescriptorsAreRemoved) {
    make_dir(path("deep"), 0700);
    Fd at(::open(path("deep").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < 3000; ++i) {
        ASSERT_EQ(::mkdirat(at.get(), "d", 0700), 0);
        at = Fd(::openat(at.get(), "d", O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    at.reset();
    remove_tree(path("deep"));
    EXPECT_FALSE(exists(path("deep")));
}

TEST_F(FilesTest, LargeFoldersAreRemoved) {
    make_dir(path("large"), 0700);
    for (int i = 0; i < 3000; ++i) write_file(path("large/f" + std::to_string(i)), "");
    remove_tree(path("large"));
    EXPECT_FALSE(exists(path("large")));
}

TEST(TrimmedTest, SpaceAtTheEndGoes) {
    EXPECT_EQ(trimmed("max\n"), "max");
    EXPECT_EQ(trimmed(" a b \t\n"), " a b");
    EXPECT_EQ(trimmed(" \n"), "");
}

} // namespace
} // namespace base
