#pragma once
// Limits of folders by project quotas (ext4 and xfs with prjquota): every file of a tree bears the tree's number, and
// the filesystem counts by number. Called by the driver "dir".

#include <cstdint>
#include <optional>

namespace storage {

/// The kernel's side, which tests imitate. Throws std::system_error.
class ProjectKernel {
public:
    struct Count {
        uint64_t limit = 0; // bytes; 0: none
        uint64_t used = 0;
        uint64_t files = 0;
    };
    virtual ~ProjectKernel() = default;
    /// Of a file or folder that is open for reading; 0: of no project.
    virtual uint32_t project(int fd) const = 0;
    /// With `inherited`, what is made in the folder later bears it, too.
    virtual void set_project(int fd, uint32_t project, bool inherited) const = 0;
    /// Nothing where the filesystem of `fd` counts no projects.
    virtual std::optional<Count> count(int fd, uint32_t project) const = 0;
    virtual void limit(int fd, uint32_t project, uint64_t bytes) const = 0;
};
const ProjectKernel& project_kernel();

/// Limits what is in a folder, now and later; 0 for no limit. A folder that never had one is walked once. False where
/// there was nothing to do.
bool limit_folder(const ProjectKernel& kernel, int folder_fd, uint64_t bytes);
/// Bytes; nothing for a folder that never was limited.
std::optional<uint64_t> used_by_folder(const ProjectKernel& kernel, int folder_fd);
/// Gives a folder that takes the place of another what that one has.
void carry_limit_over(const ProjectKernel& kernel, int from_fd, int to_fd);

} // namespace storage
