#include "daemon/storage/tar_writer.h"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "daemon/storage/compression.h"
#include "daemon/storage/tar_archives.h"
#include "daemon/storage/tar_reader.h"
#include "schema/error.h"
#include "test/fakes/temporary_folder.h"

namespace storage {
namespace {

class TarWriterTest : public testing::Test {
protected:
    TarWriterTest() {
        base::make_dir(source(), 0750);
        base::make_dir(target(), 0700);
    }
    std::string source() const { return folder_.path() + "/source"; }
    std::string target() const { return folder_.path() + "/target"; }
    std::string file(const std::string& name) const { return folder_.path() + "/" + name; }

    base::Fd output(const std::string& name) const {
        return base::checked(::open(file(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), name);
    }
    void write_archive(const std::string& name, const std::string& algorithm, IdShift shift = {}) const {
        const auto folder = base::checked(::open(source().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "source");
        compress(algorithm, output(name).get(), {}, [&](const ByteSink& sink) {
            TarWriter writer(sink, {});
            writer.add_file("index", "first\n", 1'600'000'000);
            writer.add_tree({.name = "tree", .folder = folder.get(), .shift = shift});
            writer.finish();
        });
    }
    void round_trip(const std::string& algorithm) const {
        write_archive("archive", algorithm);
        unpack_tar(file("archive"), target(), {}, {});
    }
    static struct stat status(const std::string& path) {
        struct stat found{};
        EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
        return found;
    }

private:
    fakes::TemporaryFolder folder_;
};

TEST_F(TarWriterTest, EveryCompressorGivesTheTreeBack) {
    base::write_file(source() + "/file", std::string(3'000'000, 'x') + "end");
    for (const auto* algorithm :
         {"none", "gzip", "gzip -9", "gzip -1 --best", "bzip2", "xz -1", "lzma -1", "zstd", "zstd -3 -T1"}) {
        round_trip(algorithm);
        EXPECT_TRUE(base::read_file(target() + "/tree/file") == base::read_file(source() + "/file")) << algorithm;
        EXPECT_EQ(base::read_file(target() + "/index"), "first\n");
        base::remove_tree(target());
        base::make_dir(target(), 0700);
    }
}

TEST_F(TarWriterTest, NamesLinksModesAndTimesComeOutAsTheyWere) {
    const auto long_name = std::string(200, 'n') + "\xc3\xa9";
    base::make_dir(source() + "/" + long_name, 0711);
    base::write_file(source() + "/" + long_name + "/b", "text", 04755);
    ASSERT_EQ(::chmod((source() + "/" + long_name + "/b").c_str(), 04755), 0);
    ASSERT_EQ(::link((source() + "/" + long_name + "/b").c_str(), (source() + "/z").c_str()), 0);
    ASSERT_EQ(::symlink(std::string(300, 't').c_str(), (source() + "/link").c_str()), 0);
    ASSERT_EQ(::mkfifo((source() + "/fifo").c_str(), 0640), 0);
    const timespec times[2] = {{5, 7}, {1'500'000'000, 123'456'789}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (source() + "/z").c_str(), times, 0), 0);
    round_trip("none");

    const auto b = status(target() + "/tree/" + long_name + "/b");
    EXPECT_EQ(b.st_mode, S_IFREG | 04755U);
    EXPECT_EQ(b.st_nlink, 2U);
    EXPECT_EQ(b.st_ino, status(target() + "/tree/z").st_ino);
    EXPECT_EQ(b.st_mtim.tv_sec, 1'500'000'000);
    EXPECT_EQ(b.st_mtim.tv_nsec, 123'456'789);
    EXPECT_EQ(std::filesystem::read_symlink(target() + "/tree/link"), std::string(300, 't'));
    EXPECT_EQ(status(target() + "/tree/fifo").st_mode, S_IFIFO | 0640U);
    EXPECT_EQ(status(target() + "/tree").st_mode, S_IFDIR | 0750U);
}

TEST_F(TarWriterTest, HolesStayHolesForUsAndForGnuTar) {
    const auto path = source() + "/sparse";
    {
        const base::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        ASSERT_EQ(::pwrite(fd.get(), "data", 4, 4 << 20), 4);
        ASSERT_EQ(::ftruncate(fd.get(), 12 << 20), 0);
    }
    if (status(path).st_blocks * 512 >= 12 << 20) GTEST_SKIP() << "the filesystem keeps no holes";
    round_trip("none");
    EXPECT_LT(status(file("archive")).st_size, 1 << 20);
    base::make_dir(file("gnu"), 0700);
    base::run_or_throw({.argv = {"tar", "-C", file("gnu"), "-xf", file("archive")}});
    for (const auto& copy : {target() + "/tree/sparse", file("gnu") + "/tree/sparse"}) {
        EXPECT_TRUE(base::read_file(copy) == base::read_file(path)) << copy;
        EXPECT_LT(status(copy).st_blocks, 2048) << copy;
    }
}

TEST_F(TarWriterTest, TheSameTreeGivesTheSameBytes) {
    for (const auto* name : {"c", "a", "b"}) base::write_file(source() + "/" + name, name);
    write_archive("one", "gzip");
    write_archive("two", "gzip");
    EXPECT_EQ(base::read_file(file("one")), base::read_file(file("two")));
}

TEST_F(TarWriterTest, WhatIsNamedIsTakenAtTheTopAlone) {
    for (const auto* name : {"wanted", "other"}) base::make_dir(source() + "/" + name, 0755);
    base::write_file(source() + "/wanted/file", "1");
    const auto folder = base::checked(::open(source().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "source");
    compress("none", output("archive").get(), {}, [&](const ByteSink& sink) {
        TarWriter writer(sink, {});
        writer.add_tree({.name = "a/tree", .folder = folder.get(), .itself = false, .only = {"wanted"}});
        writer.finish();
    });
    unpack_tar_part(file("archive"), {"a/tree", {"wanted"}}, target(), {}, {});
    EXPECT_TRUE(base::exists(target() + "/wanted/file"));
    EXPECT_FALSE(base::exists(target() + "/other"));
    EXPECT_FALSE(base::exists(target() + "/a"));
}

TEST_F(TarWriterTest, APartIsUnpackedWithoutItsPrefixAndWithoutItsNeighbours) {
    base::make_dir(source() + "/c", 0755);
    base::make_dir(source() + "/c/root", 0711);
    base::write_file(source() + "/c/root/a", "text");
    ASSERT_EQ(::link((source() + "/c/root/a").c_str(), (source() + "/c/root/b").c_str()), 0);
    base::make_dir(source() + "/cc", 0755);
    base::write_file(source() + "/cc/stranger", "x");
    write_archive("archive", "gzip");
    unpack_tar_part(file("archive"), {"tree/c", {"root"}}, target(), {}, {});
    EXPECT_EQ(status(target() + "/root").st_mode & 07777U, 0711U);
    EXPECT_EQ(status(target() + "/root/a").st_ino, status(target() + "/root/b").st_ino);
    EXPECT_THROW(unpack_tar_part(file("archive"), {"tree/none", {"root"}}, target(), {}, {}), schema::Error);
    EXPECT_EQ(tar_member(file("archive"), "index", {}), "first\n");
    EXPECT_EQ(tar_member(file("archive"), "tree/nothing", {}), std::nullopt);
}

TEST_F(TarWriterTest, APartWithoutNamesIsAllOfItWithItsOwnMode) {
    base::make_dir(source() + "/c", 0751);
    base::write_file(source() + "/c/a", "text");
    base::write_file(source() + "/neighbour", "x");
    write_archive("archive", "gzip");
    unpack_tar_part(file("archive"), {"tree/c", {}}, target(), {}, {});
    EXPECT_EQ(base::read_file(target() + "/a"), "text");
    EXPECT_FALSE(base::exists(target() + "/neighbour"));
    EXPECT_EQ(status(target()).st_mode & 07777U, 0751U);
    EXPECT_THROW(unpack_tar_part(file("archive"), {"tree/neighbour", {}}, target(), {}, {}), schema::Error);
}

TEST_F(TarWriterTest, OwnersAndAclsAreWrittenAsSeenInside) {
    base::write_file(source() + "/file", "x");
    std::string acl(sizeof(posix_acl_xattr_header) + 4 * sizeof(posix_acl_xattr_entry), '\0');
    const posix_acl_xattr_header header{POSIX_ACL_XATTR_VERSION};
    std::memcpy(acl.data(), &header, sizeof header);
    constexpr auto nobody = static_cast<uint32_t>(ACL_UNDEFINED_ID);
    const auto user = static_cast<uint32_t>(::getuid() + 5);
    const posix_acl_xattr_entry entries[] = {
        {ACL_USER_OBJ, 6, nobody}, {ACL_USER, 4, user}, {ACL_GROUP_OBJ, 4, nobody}, {ACL_MASK, 4, nobody}};
    std::string value = acl.substr(0, sizeof header);
    value.append(reinterpret_cast<const char*>(entries), sizeof entries);
    const posix_acl_xattr_entry other{ACL_OTHER, 4, nobody};
    value.append(reinterpret_cast<const char*>(&other), sizeof other);
    if (::setxattr((source() + "/file").c_str(), "system.posix_acl_access", value.data(), value.size(), 0) < 0)
        GTEST_SKIP() << "the filesystem has no ACLs";
    IdShift shift;
    shift.from = {{true, false, ::getuid(), 1000, 100}, {false, true, ::getgid(), 2000, 100}};
    write_archive("archive", "none", shift);

    TarReader reader(file("archive"), {});
    TarEntry entry;
    while (reader.next(entry) && entry.path != "tree/file") {
    }
    EXPECT_EQ(entry.attributes.st_uid, 1000U);
    EXPECT_EQ(entry.attributes.st_gid, 2000U);
    ASSERT_EQ(entry.xattrs.size(), 1U);
    posix_acl_xattr_entry second{};
    std::memcpy(&second, entry.xattrs[0].second.data() + sizeof header + sizeof second, sizeof second);
    EXPECT_EQ(second.e_id, 1005U);
}

TEST_F(TarWriterTest, AnOrderToEndEndsTheProgramToo) {
    ::signal(SIGPIPE, SIG_IGN); // as in the daemon
    const base::CancelToken cancel;
    EXPECT_THROW(compress("xz", output("archive").get(), cancel,
                          [&](const ByteSink& sink) {
                              sink(std::string(1 << 20, 'y'));
                              cancel.cancel();
                              for (;;) sink(std::string(1 << 20, 'z'));
                          }),
                 schema::Error);
}

} // namespace
} // namespace storage
