#include "daemon/storage/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "daemon/base/process.h"
#include "daemon/storage/archive_format.h"
#include "schema/error.h"
#include "test/fakes/temporary_folder.h"
#include "test/unit/storage/gzip_member.h"
#include "test/unit/storage/tar_builder.h"

namespace storage {

namespace {

namespace fs = std::filesystem;

struct ArchiveTest : testing::Test {
    void SetUp() override {
        fs::create_directories(folder_ / "pool/into");
        fakes::write(folder_ / "pool/outside", "untouched");
    }

    std::string store(const std::string& bytes, const std::string& name = "archive") {
        fakes::write(folder_ / name, bytes);
        return folder_ / name;
    }

    /// What an attempt says when it fails; empty when it does not.
    template <class Attempt> static std::string refusal(const Attempt& attempt) {
        try {
            attempt();
        } catch (const std::exception& error) {
            return error.what();
        }
        return "";
    }

    fakes::TemporaryFolder folder_;
    std::string into_ = folder_ / "pool/into";
};

std::string compressed(const std::string& bytes, int (*filter)(archive*)) {
    std::string result;
    const std::unique_ptr<archive, int (*)(archive*)> writer(archive_write_new(), archive_write_free);
    archive_write_set_format_raw(writer.get());
    filter(writer.get());
    const auto append = [](archive*, void* context, const void* data, size_t size) -> la_ssize_t {
        static_cast<std::string*>(context)->append(static_cast<const char*>(data), size);
        return static_cast<la_ssize_t>(size);
    };
    archive_write_set_bytes_in_last_block(writer.get(), 1);
    archive_write_open(writer.get(), &result, nullptr, append, nullptr);
    auto* entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(writer.get(), entry);
    archive_write_data(writer.get(), bytes.data(), bytes.size());
    archive_entry_free(entry);
    archive_write_close(writer.get());
    return result;
}

TEST_F(ArchiveTest, AByteThatIsNotWhatWasCompressedIsNoticed) {
    const auto bytes = TarBuilder().file("metadata.yaml", "m").folder("rootfs").file("rootfs/file", "content").bytes();
    const auto middle = bytes.size() / 2;
    auto packed = gzip_member(bytes.substr(0, middle), 0) + gzip_member(bytes.substr(middle), 0);
    unpack_archive(store(packed), into_, {}, {});
    packed.at(packed.find("content")) = 'C';
    EXPECT_THAT(refusal([&] { unpack_archive(store(packed), into_, {}, {}); }), testing::HasSubstr("Damaged archive"));
}

TEST_F(ArchiveTest, UnpacksEveryCompressor) {
    const auto bytes = TarBuilder().file("metadata.yaml", "m").folder("rootfs").file("rootfs/file", "content").bytes();
    struct Row {
        const char* extension;
        int (*filter)(archive*);
    };
    for (const auto& [extension, filter] :
         {Row{".tar.gz", archive_write_add_filter_gzip}, Row{".tar.bz2", archive_write_add_filter_bzip2},
          Row{".tar.xz", archive_write_add_filter_xz}, Row{".tar.lzma", archive_write_add_filter_lzma},
          Row{".tar.zst", archive_write_add_filter_zstd}, Row{".tar", archive_write_add_filter_none}}) {
        const auto file = store(compressed(bytes, filter), std::string("archive") + extension);
        EXPECT_EQ(storage::extension(archive_format_of(file)), extension);
        const auto target = into_ + extension;
        fs::create_directory(target);
        unpack_archive(file, target, {}, {});
        EXPECT_EQ(fakes::read(target + "/rootfs/file"), "content") << extension;
        const auto contents = inspect_archive(file, {});
        EXPECT_EQ(contents.metadata, "m") << extension;
        EXPECT_TRUE(contents.has_root) << extension;
    }
}

TEST_F(ArchiveTest, UnpacksLinksFifosAndMissingFolders) {
    const auto file = store(TarBuilder()
                                .file("./a/b/c", "deep")
                                .symlink("a/link", "/etc/passwd")
                                .hard_link("a/hard", "./a/b/c")
                                .fifo("a/fifo")
                                .file("a/twice", "first")
                                .file("a/twice", "second")
                                .bytes());
    unpack_archive(file, into_, {}, {});
    EXPECT_EQ(fakes::read(into_ + "/a/b/c"), "deep");
    EXPECT_EQ(fs::read_symlink(into_ + "/a/link"), "/etc/passwd");
    EXPECT_TRUE(fs::equivalent(into_ + "/a/hard", into_ + "/a/b/c"));
    EXPECT_TRUE(fs::is_fifo(into_ + "/a/fifo"));
    EXPECT_EQ(fakes::read(into_ + "/a/twice"), "second");
    struct stat status{};
    ::lstat((into_ + "/a/b/c").c_str(), &status);
    EXPECT_EQ(status.st_mtim.tv_sec, 1000000000);
}

TEST_F(ArchiveTest, HostileEntriesAreRefusedAndTouchNothingOutside) {
    struct Row {
        TarBuilder archive;
        const char* message;
    };
    const auto outside = folder_ / "pool/outside";
    const std::vector<Row> rows{
        {TarBuilder().file("/etc/evil", "x"), "Archive entry \"/etc/evil\" has an absolute path"},
        {TarBuilder().file("../outside", "x"), "Archive entry \"../outside\" leads out of the image"},
        {TarBuilder().file("a/../../outside", "x"), "Archive entry \"a/../../outside\" leads out of the image"},
        {TarBuilder().folder(".."), "Archive entry \"..\" leads out of the image"},
        {TarBuilder().symlink("way", "..").file("way/outside", "x"), "lies behind the symbolic link \"way\""},
        {TarBuilder().symlink("way", folder_ / "pool").file("way/outside", "x"), "lies behind the symbolic link"},
        {TarBuilder().symlink("way", "..").symlink("way/link", "x"), "lies behind the symbolic link"},
        {TarBuilder().symlink("way", "..").folder("way/folder"), "lies behind the symbolic link"},
        {TarBuilder().symlink("way", "..").hard_link("own", "way/outside"), "is a hard link to \"way/outside\""},
        {TarBuilder().hard_link("own", outside), "which leads out of the image"},
        {TarBuilder().hard_link("own", "../outside"), "which leads out of the image"},
        {TarBuilder().hard_link("own", "missing"), "is a hard link to \"missing\""},
        {TarBuilder().file("file", "x").file("file/below", "x"), "have no folder to be in"},
    };
    for (const auto& [archive, message] : rows) {
        const auto file = store(archive.bytes());
        EXPECT_THAT(refusal([&] { unpack_archive(file, into_, {}, {}); }), testing::HasSubstr(message));
        EXPECT_EQ(fakes::read(outside), "untouched");
        EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "pool"), fs::directory_iterator()), 2);
        fs::remove_all(into_);
        fs::create_directory(into_);
    }
}

TEST_F(ArchiveTest, ASmallArchiveOfManyGigabytesIsRefused) {
    TarBuilder archive;
    for (const auto* name : {"a", "b", "c", "d"}) archive.hole(name, 300U << 20U);
    const auto file = store(archive.bytes());
    EXPECT_THAT(refusal([&] { inspect_archive(file, {}); }), testing::HasSubstr("more than 250 times its size"));
    EXPECT_THAT(refusal([&] { unpack_archive(file, into_, {}, {}); }), testing::HasSubstr("more than 250 times"));
}

TEST_F(ArchiveTest, ALongPathIsRefused) {
    TarBuilder archive;
    archive.long_name("rootfs/" + std::string(5000, 'x')).file("short", "");
    const auto file = store(archive.bytes());
    EXPECT_THAT(refusal([&] { inspect_archive(file, {}); }), testing::HasSubstr("path is longer than 4096 bytes"));
}

TEST_F(ArchiveTest, AFileThatReplacesALinkIsNotWrittenThroughIt) {
    const auto outside = folder_ / "pool/outside";
    const auto file = store(TarBuilder().symlink("file", outside).file("file", "mine").bytes());
    unpack_archive(file, into_, {}, {});
    EXPECT_EQ(fakes::read(into_ + "/file"), "mine");
    EXPECT_EQ(fakes::read(outside), "untouched");
}

TEST_F(ArchiveTest, AHardLinkToALinkIsNotAWayThroughIt) {
    const auto outside = folder_ / "pool/outside";
    const auto file =
        store(TarBuilder().symlink("link", outside).hard_link("hard", "link").file("hard", "mine").bytes());
    unpack_archive(file, into_, {}, {});
    EXPECT_EQ(fakes::read(outside), "untouched");
}

TEST_F(ArchiveTest, CutArchivesAreRefused) {
    const auto bytes = TarBuilder().file("metadata.yaml", "m").file("rootfs/file", std::string(100000, 'x')).bytes();
    const auto packed = compressed(bytes, archive_write_add_filter_gzip);
    for (const auto& cut : {bytes.substr(0, 60000), packed.substr(0, packed.size() / 2)}) {
        const auto file = store(cut);
        EXPECT_THAT(refusal([&] { inspect_archive(file, {}); }), testing::StartsWith("Damaged archive: "));
        EXPECT_THAT(refusal([&] { unpack_archive(file, into_, {}, {}); }), testing::StartsWith("Damaged archive: "));
    }
}

TEST_F(ArchiveTest, OtherFilesAreNoArchives) {
    for (const std::string bytes : {"", "x", "this is just text",
                                    "\x7f"
                                    "ELF"}) {
        const auto file = store(bytes);
        EXPECT_EQ(refusal([&] { inspect_archive(file, {}); }), "Unsupported compression");
    }
}

TEST_F(ArchiveTest, ACancelledUnpackStops) {
    const auto file = store(TarBuilder().file("a", "x").bytes());
    base::CancelToken cancel;
    cancel.cancel();
    EXPECT_EQ(refusal([&] { unpack_archive(file, into_, cancel, {}); }), "Operation cancelled");
}

TEST_F(ArchiveTest, AnImageWhosePartsAreLinksIsRefused) {
    struct Row {
        TarBuilder archive;
        const char* message;
    };
    const std::vector<Row> rows{
        {TarBuilder().file("metadata.yaml", "m").symlink("rootfs", "/"), "The image's rootfs is not a folder"},
        {TarBuilder().folder("rootfs").symlink("metadata.yaml", "/etc/shadow"),
         "The image's metadata.yaml is not a file"},
        {TarBuilder().folder("rootfs").symlink("templates", "/etc"), "The image's templates is not a folder"},
        {TarBuilder().file("metadata.yaml", "m"), "Image is missing a rootfs"},
    };
    for (const auto& [archive, message] : rows) {
        const auto file = store(archive.bytes());
        EXPECT_THAT(refusal([&] { unpack_image(file, {}, into_, {}, {}); }), testing::HasSubstr(message));
        fs::remove_all(into_);
        fs::create_directory(into_);
    }
}

TEST_F(ArchiveTest, ASplitImageCannotSendItsRootElsewhere) {
    const auto metadata = store(TarBuilder().file("metadata.yaml", "m").symlink("rootfs", "..").bytes(), "metadata");
    const auto root = store(TarBuilder().file("outside", "x").bytes(), "root");
    EXPECT_EQ(refusal([&] { unpack_image(metadata, root, into_, {}, {}); }), "The image's rootfs is not a folder");
    EXPECT_EQ(fakes::read(folder_ / "pool/outside"), "untouched");
}

struct SquashfsTest : ArchiveTest {
    void SetUp() override {
        ArchiveTest::SetUp();
        if (base::find_program("mksquashfs").empty()) GTEST_SKIP() << "mksquashfs is not installed";
        fs::create_directories(folder_ / "tree/rootfs/etc");
        fakes::write(folder_ / "tree/metadata.yaml", "m");
        fakes::write(folder_ / "tree/rootfs/etc/file", "content");
        base::run_or_throw({.argv = {"mksquashfs", folder_ / "tree", squashfs_, "-quiet", "-no-progress"}});
    }

    std::string squashfs_ = folder_ / "image.squashfs";
};

TEST_F(SquashfsTest, IsLookedIntoAndUnpacked) {
    EXPECT_EQ(archive_format_of(squashfs_), ArchiveFormat::squashfs);
    const auto contents = inspect_archive(squashfs_, {});
    EXPECT_EQ(contents.metadata, "m");
    EXPECT_TRUE(contents.has_root);
    unpack_image(squashfs_, {}, into_, {}, {});
    EXPECT_EQ(fakes::read(into_ + "/rootfs/etc/file"), "content");
}

TEST_F(SquashfsTest, IsTheRootOfASplitImage) {
    const auto metadata = store(TarBuilder().file("metadata.yaml", "m").bytes());
    unpack_image(metadata, squashfs_, into_, {}, {});
    EXPECT_EQ(fakes::read(into_ + "/rootfs/rootfs/etc/file"), "content");
}

TEST_F(SquashfsTest, WhoseFilesComeToManyGigabytesIsRefused) {
    fakes::write(folder_ / "tree/hole", "");
    fs::resize_file(folder_ / "tree/hole", 16U << 20U);
    for (int i = 0; i < 100; ++i) fs::create_hard_link(folder_ / "tree/hole", folder_ / fmt::format("tree/hole{}", i));
    const auto bomb = folder_ / "bomb.squashfs";
    base::run_or_throw({.argv = {"mksquashfs", folder_ / "tree", bomb, "-quiet", "-no-progress"}});
    EXPECT_THAT(refusal([&] { inspect_archive(bomb, {}); }), testing::HasSubstr("more than 250 times its size"));
}

TEST_F(SquashfsTest, IsRefusedWhenItIsCut) {
    fs::resize_file(squashfs_, 300);
    EXPECT_EQ(refusal([&] { inspect_archive(squashfs_, {}); }), "Damaged archive: truncated squashfs");
}

} // namespace

} // namespace storage
