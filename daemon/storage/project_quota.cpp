#include "daemon/storage/project_quota.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <memory>
#include <random>
#include <string>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/fd.h"
#include "daemon/storage/listing.h"

namespace storage {

namespace {

constexpr int project_quota = 2; // PRJQUOTA of the kernel
constexpr uint64_t block = 1024; // QIF_DQBLKSIZE
constexpr uint32_t first_project = 1U << 20U;

[[noreturn]] void fail(const char* attempt) {
    throw std::system_error(errno, std::generic_category(), attempt);
}

unsigned command(unsigned what) {
    return what << 8U | project_quota;
}

class RealKernel final : public ProjectKernel {
public:
    uint32_t project(int fd) const override { return attributes(fd).fsx_projid; }

    void set_project(int fd, uint32_t project, bool inherited) const override {
        auto wanted = attributes(fd);
        wanted.fsx_projid = project;
        if (inherited) wanted.fsx_xflags |= FS_XFLAG_PROJINHERIT;
        if (::ioctl(fd, FS_IOC_FSSETXATTR, &wanted) < 0) fail("Failed setting a file's project");
    }

    std::optional<Count> count(int fd, uint32_t project) const override {
        if_dqblk got{};
        if (::syscall(SYS_quotactl_fd, fd, command(Q_GETQUOTA), project, &got) == 0)
            return Count{got.dqb_bhardlimit * block, got.dqb_curspace, got.dqb_curinodes};
        if (errno == ENOENT) return Count(); // xfs: nothing was counted yet
        return {};
    }

    void limit(int fd, uint32_t project, uint64_t bytes) const override {
        if_dqblk wanted{};
        wanted.dqb_bhardlimit = (bytes + block - 1) / block;
        wanted.dqb_valid = QIF_BLIMITS;
        if (::syscall(SYS_quotactl_fd, fd, command(Q_SETQUOTA), project, &wanted) < 0)
            fail("Failed setting a project's quota");
    }

private:
    static fsxattr attributes(int fd) {
        fsxattr got{};
        if (::ioctl(fd, FS_IOC_FSGETXATTR, &got) < 0) fail("Failed reading a file's project");
        return got;
    }
};

uint32_t unused_project(const ProjectKernel& kernel, int fd) {
    std::random_device random;
    std::uniform_int_distribution<uint32_t> any(first_project, INT32_MAX);
    for (;;) {
        const auto project = any(random);
        const auto count = kernel.count(fd, project);
        if (!count) throw std::system_error(ENOTSUP, std::generic_category(), "The filesystem counts no projects");
        if (count->files == 0 && count->limit == 0) return project;
    }
}

/// A folder or a regular file of a tree that may be in use: nothing else is opened, whatever takes its place.
base::Fd open_entry(int folder_fd, const char* name) {
    const base::Fd place(::openat(folder_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!place || ::fstat(place.get(), &status) < 0) return {};
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) return {};
    return base::Fd(::open(fmt::format("/proc/self/fd/{}", place.get()).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

/// Folders before what is in them, so that what is made meanwhile inherits.
void assign(const ProjectKernel& kernel, int fd, uint32_t project, dev_t device) {
    struct stat status{};
    if (::fstat(fd, &status) < 0 || status.st_dev != device) return;
    const bool folder = S_ISDIR(status.st_mode);
    kernel.set_project(fd, project, folder);
    if (!folder) return;
    const auto listing = open_listing(fd);
    while (const auto* entry = next_entry(*listing))
        if (const auto child = open_entry(fd, entry->d_name)) assign(kernel, child.get(), project, device);
}

void assign_tree(const ProjectKernel& kernel, int folder_fd, uint32_t project) {
    struct stat status{};
    if (::fstat(folder_fd, &status) < 0) fail("Failed looking at a folder");
    assign(kernel, folder_fd, project, status.st_dev);
}

} // namespace

const ProjectKernel& project_kernel() {
    static const RealKernel kernel;
    return kernel;
}

bool limit_folder(const ProjectKernel& kernel, int folder_fd, uint64_t bytes) {
    auto project = kernel.project(folder_fd);
    if (project == 0 && bytes == 0) return false;
    if (project == 0) {
        project = unused_project(kernel, folder_fd);
        assign_tree(kernel, folder_fd, project);
    }
    kernel.limit(folder_fd, project, bytes);
    return true;
}

std::optional<uint64_t> used_by_folder(const ProjectKernel& kernel, int folder_fd) {
    const auto project = kernel.project(folder_fd);
    if (project == 0) return {};
    const auto count = kernel.count(folder_fd, project);
    if (!count) return {};
    return count->used;
}

void carry_limit_over(const ProjectKernel& kernel, int from_fd, int to_fd) {
    if (const auto project = kernel.project(from_fd); project != 0) assign_tree(kernel, to_fd, project);
}

} // namespace storage
