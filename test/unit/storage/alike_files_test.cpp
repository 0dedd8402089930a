#include "daemon/storage/alike_files.h"

#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "schema/error.h"
#include "test/fakes/temporary_folder.h"

namespace storage {

namespace {

namespace fs = std::filesystem;

constexpr size_t page = 4096;

/// Where the filesystem shares nothing, a copy stands for what FICLONE makes.
struct BegunFileTest : testing::Test {
    BegunFile begin(const std::string& text) {
        fakes::write(original_, text);
        fakes::write(file_, text);
        fd_ = base::checked(::open(file_.c_str(), O_WRONLY | O_CLOEXEC), file_);
        return {fd_.get(), base::checked(::open(original_.c_str(), O_RDONLY | O_CLOEXEC), original_), "file"};
    }

    static TarReader::Block block(const std::string& text, int64_t offset) {
        return {text.data(), text.size(), offset};
    }

    fakes::TemporaryFolder folder_;
    std::string original_ = folder_ / "original";
    std::string file_ = folder_ / "file";
    base::Fd fd_;
};

TEST_F(BegunFileTest, IsNotWrittenWhereItHoldsTheSame) {
    const std::string text(3 * page, 'a');
    auto begun = begin(text);
    fs::last_write_time(file_, fs::file_time_type() + std::chrono::hours(1));
    const auto before = fs::last_write_time(file_);
    begun.write(block(text, 0));
    begun.finish(static_cast<int64_t>(text.size()));
    EXPECT_EQ(fakes::read(file_), text);
    EXPECT_EQ(fs::last_write_time(file_), before);
}

TEST_F(BegunFileTest, IsWrittenWhereItDiffers) {
    auto begun = begin(std::string(3 * page, 'a'));
    const std::string same(page, 'a');
    const std::string other = std::string(page - 1, 'a') + "b";
    begun.write(block(same, 0));
    begun.write(block(other, page));
    begun.write(block(same, 2 * page));
    begun.finish(3 * page);
    EXPECT_EQ(fakes::read(file_), same + other + same);
}

TEST_F(BegunFileTest, ShowsNothingOfTheOtherWhereItHasHoles) {
    auto begun = begin(std::string(6 * page, 's'));
    const std::string text(100, 'n');
    begun.write(block(text, page + 10));
    begun.write(block(text, 3 * page));
    begun.finish(6 * page);
    std::string wanted(6 * page, '\0');
    wanted.replace(page + 10, text.size(), text).replace(3 * page, text.size(), text);
    EXPECT_EQ(fakes::read(file_), wanted);
}

TEST_F(BegunFileTest, TakesNoPiecesOutOfOrder) {
    auto begun = begin(std::string(4 * page, 's'));
    const std::string text(page, 'n');
    begun.write(block(text, 2 * page));
    EXPECT_THROW(begun.write(block(text, page)), schema::Error);
}

TEST_F(BegunFileTest, IsEmptyWithoutAnother) {
    fakes::write(file_, "");
    const auto fd = base::checked(::open(file_.c_str(), O_WRONLY | O_CLOEXEC), file_);
    BegunFile begun(fd.get(), {}, "file");
    begun.write(block("text", 2));
    begun.finish(10);
    EXPECT_EQ(fakes::read(file_), std::string("\0\0text\0\0\0\0", 10));
}

TEST(AlikeFiles, AreOnlyPlainOnesOfThatPathAndSize) {
    const fakes::TemporaryFolder folder;
    const auto tree = folder / "tree";
    fs::create_directories(tree + "/d/deep");
    fakes::write(folder / "outside", "four");
    for (const auto* name : {"/top", "/d/deep/file"}) fakes::write(tree + name, "four");
    fs::create_symlink(folder / "outside", tree + "/link");
    fs::create_symlink("deep", tree + "/d/link");
    ASSERT_EQ(::mkfifo((tree + "/fifo").c_str(), 0600), 0);
    AlikeFiles alike(tree);
    using Place = std::pair<const char*, const char*>;
    for (const auto& [path, name] : {Place("", "missing"), Place("d", "missing"), Place("no", "where"),
                                     Place("d/link", "file"), Place("..", "outside")})
        EXPECT_FALSE(alike.find(path, name, 4)) << path << "/" << name;
    for (const auto* name : {"link", "fifo", "d"}) {
        struct stat status{};
        ASSERT_EQ(::lstat((tree + "/" + name).c_str(), &status), 0);
        EXPECT_FALSE(alike.find("", name, status.st_size)) << name;
    }
    EXPECT_FALSE(alike.find("", "top", 5));
    EXPECT_TRUE(alike.find("", "top", 4));
    EXPECT_TRUE(alike.find("d/deep", "file", 4));
}

TEST(AlikeFiles, BeginAsAnotherOrEmpty) {
    const fakes::TemporaryFolder folder;
    fs::create_directory(folder / "tree");
    fakes::write(folder / "tree/file", "four");
    AlikeFiles alike(folder / "tree");
    fakes::write(folder / "new", "");
    const auto fd = base::checked(::open((folder / "new").c_str(), O_RDWR | O_CLOEXEC), "new");
    auto begun = alike.begin(fd.get(), "", "file", 4);
    const auto content = fakes::read(folder / "new");
    EXPECT_TRUE(content == "four" || content.empty()) << content; // as the filesystem can
    begun.finish(4);
    EXPECT_EQ(fakes::read(folder / "new"), std::string(4, '\0'));
}

} // namespace

} // namespace storage
