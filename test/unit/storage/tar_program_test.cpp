// What the daemon has lxd-tar do, against what the same functions do by themselves (archive_test).

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
