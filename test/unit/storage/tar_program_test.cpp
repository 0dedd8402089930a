// What the daemon has lxd-tar do, against what the same functions do by themselves (archive_test).

#include <fcntl.h>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/base/fd.h"
#include "daemon/storage/tar_archives.h"
#include "schema/error.h"
#include "test/fakes/temporary_folder.h"
#include "test/unit/storage/tar_builder.h"

namespace storage {

namespace {

class TarProgram : public testing::Test {
protected:
    TarProgram() { std::filesystem::create_directory(into_); }

    std::string store(const TarBuilder& tar) {
        fakes::write(file_, tar.bytes());
        return file_;
    }

    template <class Attempt> static std::string refusal(const Attempt& attempt) {
        try {
            attempt();
        } catch (const schema::Error& error) {
            return std::to_string(schema::http_status(error.kind())) + " " + error.what();
        }
        return "";
    }

    fakes::TemporaryFolder folder_;
    std::string file_ = folder_ / "archive.tar";
    std::string into_ = folder_ / "into";
};

TEST_F(TarProgram, TellsWhatIsInAnImage) {
    const std::string metadata = "line 1\nfailed 500\n\xff\n"; // nothing in it is taken for a word of the program
    const auto contents = inspect_tar(store(TarBuilder().file("metadata.yaml", metadata).folder("rootfs")), {});
    EXPECT_EQ(contents.metadata, metadata);
    EXPECT_TRUE(contents.has_root);
    const auto other = inspect_tar(store(TarBuilder().file("file", "")), {});
    EXPECT_FALSE(other.metadata);
    EXPECT_FALSE(other.has_root);
}

TEST_F(TarProgram, UnpacksAndTellsHowFarItIs) {
    int last = -1;
    unpack_tar(store(TarBuilder().file("a", std::string(1 << 20, 'x')).file("b", "text")), into_, {},
               [&](int percent) { last = percent; });
    EXPECT_EQ(fakes::read(into_ + "/b"), "text");
    EXPECT_GT(last, 0);
}

TEST_F(TarProgram, WritesAFileHoweverLongIntoWhatIsOpen) {
    const std::string content(3 << 20, 'x');
    store(TarBuilder().file("backup/other.bin", "y").file("backup/a.bin", content));
    const auto path = folder_ / "content";
    const base::Fd to(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    tar_content(file_, "backup/a.bin", to.get(), {});
    EXPECT_TRUE(fakes::read(path) == content);
    EXPECT_EQ(refusal([&] { tar_content(file_, "backup/b.bin", to.get(), {}); }),
              "400 Could not find \"backup/b.bin\"");
}

TEST_F(TarProgram, PassesOnWhyAnArchiveIsRefused) {
    EXPECT_THAT(refusal([&] { unpack_tar(store(TarBuilder().file("../out", "x")), into_, {}, {}); }),
                testing::StartsWith("400 "));
    fakes::write(file_, store(TarBuilder().file("a", "x")).substr(0, 3));
    EXPECT_THAT(refusal([&] { inspect_tar(file_, {}); }), testing::StartsWith("400 Damaged archive"));
    EXPECT_THAT(refusal([&] { inspect_tar(folder_ / "missing", {}); }), testing::HasSubstr("missing"));
}

TEST_F(TarProgram, StopsWhenItIsCancelled) {
    base::CancelToken cancel;
    const auto big = store(TarBuilder().file("a", std::string(64 << 20, 'x')).file("b", "text"));
    EXPECT_EQ(refusal([&] { unpack_tar(big, into_, cancel, [&](int) { cancel.cancel(); }); }),
              "400 Operation cancelled");
    EXPECT_FALSE(std::filesystem::exists(into_ + "/b"));
}

} // namespace

} // namespace storage
