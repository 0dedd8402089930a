#include "daemon/storage/project_quota.h"

#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <sys/stat.h>
#include <system_error>

#include "daemon/base/fd.h"
#include "test/fakes/temporary_folder.h"

namespace storage {

namespace {

namespace fs = std::filesystem;

/// Keeps by inode what a filesystem would.
class Kernel final : public ProjectKernel {
public:
    uint32_t project(int fd) const override {
        const auto found = projects.find(inode(fd));
        return found == projects.end() ? 0 : found->second;
    }
    void set_project(int fd, uint32_t project, bool inherited) const override {
        projects[inode(fd)] = project;
        inherits[inode(fd)] = inherited;
    }
    std::optional<Count> count(int /*fd*/, uint32_t project) const override {
        if (!counts) return {};
        Count count;
        for (const auto& [file, of] : projects) count.files += of == project ? 1 : 0;
        if (const auto found = limits.find(project); found != limits.end()) count.limit = found->second;
        count.used = count.files * 10;
        return count;
    }
    void limit(int /*fd*/, uint32_t project, uint64_t bytes) const override { limits[project] = bytes; }

    static ino_t inode(int fd) {
        struct stat status{};
        ::fstat(fd, &status);
        return status.st_ino;
    }
    bool counts = true;
    mutable std::map<ino_t, uint32_t> projects;
    mutable std::map<ino_t, bool> inherits;
    mutable std::map<uint32_t, uint64_t> limits;
};

struct ProjectQuota : testing::Test {
    ProjectQuota() {
        for (const auto* name : {"a", "b"}) {
            fs::create_directories((folder / name) + "/rootfs/etc");
            fakes::write((folder / name) + "/rootfs/etc/file", "x");
            fs::create_symlink("/etc", (folder / name) + "/rootfs/link");
            ::mkfifo(((folder / name) + "/rootfs/fifo").c_str(), 0600);
        }
    }
    base::Fd open(const std::string& name) const {
        return base::checked(::open((folder / name).c_str(), O_RDONLY | O_CLOEXEC), name);
    }

    fakes::TemporaryFolder folder;
    Kernel kernel;
};

TEST_F(ProjectQuota, AFirstLimitNumbersTheWholeTreeAndItsFuture) {
    limit_folder(kernel, open("a").get(), 5000);
    const auto project = kernel.project(open("a").get());
    EXPECT_NE(project, 0U);
    EXPECT_EQ(kernel.limits[project], 5000U);
    EXPECT_EQ(kernel.projects.size(), 4U); // a, rootfs, etc, file: nothing behind a link
    EXPECT_EQ(kernel.project(open("a/rootfs/etc/file").get()), project);
    EXPECT_TRUE(kernel.inherits[Kernel::inode(open("a/rootfs/etc").get())]);
    EXPECT_FALSE(kernel.inherits[Kernel::inode(open("a/rootfs/etc/file").get())]);
    EXPECT_EQ(used_by_folder(kernel, open("a").get()), 40U);
}

TEST_F(ProjectQuota, ALaterLimitKeepsTheNumber) {
    limit_folder(kernel, open("a").get(), 5000);
    const auto project = kernel.project(open("a").get());
    limit_folder(kernel, open("a").get(), 0);
    EXPECT_EQ(kernel.project(open("a").get()), project);
    EXPECT_EQ(kernel.limits[project], 0U);
}

TEST_F(ProjectQuota, FoldersDoNotShareANumber) {
    limit_folder(kernel, open("a").get(), 1);
    limit_folder(kernel, open("b").get(), 1);
    EXPECT_NE(kernel.project(open("a").get()), kernel.project(open("b").get()));
}

TEST_F(ProjectQuota, NoLimitOfAFolderWithoutOneChangesNothing) {
    limit_folder(kernel, open("a").get(), 0);
    EXPECT_TRUE(kernel.projects.empty());
    EXPECT_EQ(used_by_folder(kernel, open("a").get()), std::nullopt);
}

TEST_F(ProjectQuota, WhatTakesAFoldersPlaceHasItsLimit) {
    limit_folder(kernel, open("a").get(), 5000);
    carry_limit_over(kernel, open("a").get(), open("b").get());
    EXPECT_EQ(kernel.project(open("b/rootfs/etc/file").get()), kernel.project(open("a").get()));
}

TEST_F(ProjectQuota, IsRefusedWhereNothingIsCounted) {
    kernel.counts = false;
    EXPECT_THROW(limit_folder(kernel, open("a").get(), 1), std::system_error);
    EXPECT_TRUE(kernel.projects.empty());
}

} // namespace

} // namespace storage
