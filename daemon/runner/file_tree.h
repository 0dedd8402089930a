#pragma once
// The file work of `lxd-runner files`: what each verb does below one root folder. No path given to it leads out of that
// folder, and nothing but a regular file is ever opened for reading or writing.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/fd.h"
#include "daemon/runner/files.h"

namespace runner {

/// Opens what was seen to be a regular file, and makes sure that it still is: a container may put a pipe or a device in
/// its place meanwhile, which O_NONBLOCK keeps from hanging us. Throws system_error EINVAL for anything else.
base::Fd open_regular(const base::Fd& root, const std::string& path, int flags);

class FileTree {
public:
    explicit FileTree(base::Fd root) : root_(std::move(root)) {}

    /// All but the content and the names. The last name is not followed, as LXD has it.
    FilesReply stat(const std::string& path) const;
    /// A regular file for reading; throws system_error EINVAL when it is something else.
    base::Fd open_for_reading(const std::string& path) const;
    /// Sorted.
    std::vector<std::string> names(const std::string& path) const;

    /// One piece of what a put brings; an empty one at its end, nothing when it was given up.
    using Source = std::function<std::optional<std::string>()>;
    void put(const FilesRequest& request, const Source& source) const;
    /// A file, link, device, ... or an empty folder.
    void remove(const std::string& path) const;

private:
    void put_file(const FilesRequest& request, const std::string& path, const Source& source) const;
    void put_folder(const FilesRequest& request, const std::string& path) const;
    void put_symlink(const FilesRequest& request, const std::string& path, const Source& source) const;
    void put_new_file(const FilesRequest& request, const std::string& path, const Source& source) const;

    base::Fd root_;
};

} // namespace runner
