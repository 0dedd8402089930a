// Files inside running and stopped containers, and every way out of them that was thought of.

#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/instance/files.h"
#include "schema/error.h"
#include "test/system/box.h"

namespace {

using box::Box;
using schema::ErrorKind;

struct Setting {
    bool privileged;
    bool running;
};

class FilesTest : public testing::TestWithParam<Setting> {
protected:
    FilesTest() : box(GetParam().privileged), files(box.runtime(), box.name(), {box.rootfs()}) {
        if (GetParam().running) (void)box.start();
    }

    void put(const std::string& path, std::string_view content, instance::FilePut wanted = {}) const {
        wanted.path = path;
        auto upload = files.put(wanted);
        upload.write(content);
        upload.finish();
    }
    std::string content(const std::string& path) const {
        auto file = files.get(path);
        std::string result;
        char buffer[65536];
        for (size_t count = file.read(buffer, sizeof buffer); count > 0; count = file.read(buffer, sizeof buffer))
            result.append(buffer, count);
        return result;
    }
    template <class Call> static ErrorKind kind_of(Call call) {
        try {
            call();
        } catch (const schema::Error& error) {
            return error.kind();
        }
        ADD_FAILURE() << "nothing was thrown";
        return ErrorKind::unavailable;
    }

    Box box;
    instance::Files files;
};

INSTANTIATE_TEST_SUITE_P(All, FilesTest,
                         testing::Values(Setting{true, true}, Setting{true, false}, Setting{false, true},
                                         Setting{false, false}),
                         [](const auto& parameter) {
                             return std::string(parameter.param.privileged ? "Privileged" : "Unprivileged") +
                                    (parameter.param.running ? "Running" : "Stopped");
                         });

/// What differs only while something is mounted inside.
class RunningFilesTest : public FilesTest {};

INSTANTIATE_TEST_SUITE_P(Both, RunningFilesTest, testing::Values(Setting{true, true}, Setting{false, true}),
                         [](const auto& parameter) {
                             return std::string(parameter.param.privileged ? "Privileged" : "Unprivileged");
                         });

TEST_P(FilesTest, WhatWasPutIsGotWithItsOwnerAndMode) {
    put("/root/new", "hello\n", {.uid = 1000, .gid = 1001, .mode = 0751});
    const auto info = files.stat("/root/new");
    EXPECT_EQ(info.type, "file");
    EXPECT_EQ(info.uid, 1000);
    EXPECT_EQ(info.gid, 1001);
    EXPECT_EQ(info.mode, 0751U);
    EXPECT_EQ(info.size, 6U);
    EXPECT_EQ(content("root/new"), "hello\n");
    struct stat on_disk{};
    ASSERT_EQ(::stat(box.path("/root/new").c_str(), &on_disk), 0);
    EXPECT_EQ(on_disk.st_uid, 1000U);
}

TEST_P(FilesTest, ANewFileIsRootsAndAnExistingOneKeepsItsOwnerAndMode) {
    put("/root/plain", "1");
    EXPECT_EQ(files.stat("/root/plain").mode, 0644U);
    EXPECT_EQ(files.stat("/root/plain").uid, 0);
    put("/root/owned", "first", {.uid = 5, .gid = 6, .mode = 0600});
    put("/root/owned", "2", {.uid = 7, .gid = 8, .mode = 0777});
    EXPECT_EQ(files.stat("/root/owned").uid, 5);
    EXPECT_EQ(files.stat("/root/owned").mode, 0600U);
    EXPECT_EQ(content("/root/owned"), "2");
}

TEST_P(FilesTest, AppendingNeedsTheFile) {
    put("/root/log", "a");
    put("/root/log", "b", {.append = true});
    EXPECT_EQ(content("/root/log"), "ab");
    EXPECT_EQ(kind_of([&] { put("/root/none", "b", {.append = true}); }), ErrorKind::not_found);
}

TEST_P(FilesTest, DirectoriesAndLinksAreMadeListedAndRemoved) {
    put("/root/d", "", {.type = "directory", .uid = 3, .gid = 4});
    put("/root/d", "", {.type = "directory"});
    EXPECT_EQ(files.stat("/root/d").mode, 0750U);
    EXPECT_EQ(files.stat("/root/d").uid, 3);
    put("/root/d/b", "b");
    put("/root/d/a", "../target", {.type = "symlink"});
    put("/root/d/a", "../target", {.type = "symlink"});
    EXPECT_EQ(kind_of([&] { put("/root/d/a", "else", {.type = "symlink"}); }), ErrorKind::internal);
    EXPECT_EQ(files.get("/root/d").names, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(files.get("/root/d/a").info.type, "symlink");
    EXPECT_EQ(files.get("/root/d/a").target, "/root/target");
    EXPECT_EQ(kind_of([&] { files.remove("/root/d"); }), ErrorKind::internal); // not empty
    files.remove("/root/d/a");
    files.remove("/root/d/b");
    files.remove("/root/d");
    EXPECT_EQ(kind_of([&] { files.stat("/root/d"); }), ErrorKind::not_found);
}

TEST_P(FilesTest, WhatIsMissingIsNotFoundAndADirectoryIsNoFile) {
    EXPECT_EQ(kind_of([&] { files.get("/nosuch"); }), ErrorKind::not_found);
    EXPECT_EQ(kind_of([&] { put("/nosuch/file", "x"); }), ErrorKind::not_found);
    EXPECT_EQ(kind_of([&] { files.remove("/nosuch"); }), ErrorKind::not_found);
    EXPECT_EQ(kind_of([&] { put("/root", "x"); }), ErrorKind::internal);
    EXPECT_EQ(kind_of([&] { files.remove("/"); }), ErrorKind::internal);
}

TEST_P(FilesTest, LinksThatPointOutStayInside) {
    // What they would reach outside is this host's own file, which says "root:x:0:0:root".
    const auto host = base::read_file("/etc/passwd");
    ASSERT_EQ(::symlink("../../../../../../etc/passwd", box.path("/root/up").c_str()), 0);
    ASSERT_EQ(::symlink("/etc", box.path("/root/etc").c_str()), 0);
    EXPECT_NE(content("/root/../../../../../../etc/passwd"), host);
    EXPECT_EQ(content("/root/etc/passwd"), content("/etc/passwd"));
    EXPECT_EQ(files.get("/root/up").info.type, "symlink");
    put("/root/up", "through the link\n");
    EXPECT_EQ(content("/etc/passwd"), "through the link\n");
    put("/root/etc/made", "x");
    EXPECT_TRUE(base::exists(box.path("/etc/made")));
    EXPECT_EQ(base::read_file("/etc/passwd"), host);
    EXPECT_FALSE(base::exists("/etc/made"));
}

TEST_P(FilesTest, MagicLinksOfProcLeadNowhere) {
    for (const char* path :
         {"/proc/self/root/etc/passwd", "/proc/1/root/etc/passwd", "/proc/self/cwd/etc/passwd", "/proc/self/fd/3"}) {
        EXPECT_THROW((void)content(path), schema::Error) << path;
        EXPECT_THROW(put(path, "x"), schema::Error) << path;
    }
}

TEST_P(FilesTest, APipeIsNeitherReadNorWritten) {
    ASSERT_EQ(::mkfifo(box.path("/root/pipe").c_str(), 0666), 0);
    EXPECT_EQ(kind_of([&] { files.get("/root/pipe"); }), ErrorKind::bad_request);
    EXPECT_EQ(kind_of([&] { put("/root/pipe", "x"); }), ErrorKind::bad_request);
    files.remove("/root/pipe");
    EXPECT_FALSE(base::exists(box.path("/root/pipe")));
}

TEST_P(FilesTest, NamesNeedNotBeText) {
    put("/root/\xe4", "latin", {});
    EXPECT_EQ(content("/root/\xe4"), "latin");
    EXPECT_EQ(files.get("/root").names, (std::vector<std::string>{"\xe4"}));
}

TEST_P(FilesTest, LargeFilesComeBackByteForByte) {
    std::string piece(1U << 20U, '\0');
    for (size_t index = 0; index < piece.size(); ++index) piece[index] = static_cast<char>(index * 2654435761U >> 13U);
    auto upload = files.put({.path = "/root/large"});
    for (int count = 0; count < 64; ++count) upload.write(piece);
    upload.finish();
    auto file = files.get("/root/large");
    EXPECT_EQ(file.info.size, 64U << 20U);
    std::string got(piece.size(), '\0');
    for (int count = 0; count < 64; ++count) {
        for (size_t used = 0; used < got.size();) {
            const auto more = file.read(got.data() + used, got.size() - used);
            ASSERT_GT(more, 0U);
            used += more;
        }
        ASSERT_EQ(got, piece);
    }
    EXPECT_EQ(file.read(got.data(), got.size()), 0U);
}

TEST_P(FilesTest, AnUploadThatIsGivenUpLeavesNoNewFile) {
    {
        auto upload = files.put({.path = "/root/half"});
        upload.write("half of it");
    }
    EXPECT_FALSE(base::exists(box.path("/root/half")));
}

class UnprivilegedFilesTest : public FilesTest {};

INSTANTIATE_TEST_SUITE_P(Unprivileged, UnprivilegedFilesTest, testing::Values(Setting{false, true}));

TEST_P(UnprivilegedFilesTest, AnIdThatTheContainerLacksIsRefusedAndLeavesNothing) {
    EXPECT_EQ(kind_of([&] { put("/root/foreign", "x", {.uid = 70000}); }), ErrorKind::bad_request);
    EXPECT_FALSE(base::exists(box.path("/root/foreign")));
}

TEST_P(RunningFilesTest, FilesOfProcAreReadToTheirEnd) {
    EXPECT_NE(content("/proc/uptime"), "");
    const auto version = content("/proc/version");
    EXPECT_EQ(files.get("/proc/version").info.size, version.size());
}

TEST_P(RunningFilesTest, WhatProcShowsIsTheContainers) {
    EXPECT_NE(content("/proc/sys/kernel/hostname"), base::read_file("/proc/sys/kernel/hostname"));
}

} // namespace
