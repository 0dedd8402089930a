#pragma once
// Files inside an instance, running or stopped: each call starts one file helper (lxd-runner files), which keeps every
// path inside. Callers: the API's files handler. Errors are LXD's: 404 "Not Found", 403 "Forbidden", else 500 with
// words.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/process.h"
#include "daemon/instance/runtime.h"

namespace instance {

struct FileInfo {
    std::string type; // "file" (everything that is neither of the others), "directory", "symlink"
    int64_t uid = 0;  // as the container sees it
    int64_t gid = 0;
    uint32_t mode = 0;            // permission bits
    std::optional<uint64_t> size; // of a file; nothing where it is known only at the end (/proc)
    int64_t modified = 0;         // seconds since 1970
};

/// A file being read. Destroying it ends the helper.
class FileContent {
public:
    FileInfo info;
    std::string target;             // of a symlink, as an absolute path
    std::vector<std::string> names; // in a directory

    /// Blocks; 0 at the end. Throws schema::Error when a file ends before `info.size`, because it shrank.
    size_t read(char* data, size_t size);
    /// The same bytes for callers that poll or splice.
    int fd() const noexcept { return stream_.get(); }

private:
    friend class Files;
    FileContent(base::Process helper, base::Fd stream) : helper_(std::move(helper)), stream_(std::move(stream)) {}

    base::Process helper_;
    base::Fd stream_;
    uint64_t left_ = 0;
};

struct FilePut {
    std::string path = {};
    std::string type = "file"; // or "directory", "symlink" (the data is its target)
    int64_t uid = -1;          // -1: root; an existing file keeps its owner and mode but for what `modify` names
    int64_t gid = -1;
    int64_t mode = -1;                    // -1: 0644, or 0750 for a directory
    bool append = false;                  // the file must exist
    std::vector<std::string> modify = {}; // of uid, gid, mode
};

/// A file being written. Destroying it before finish() gives up: a file that is new is removed again.
class FileUpload {
public:
    FileUpload(FileUpload&&) noexcept = default;
    FileUpload& operator=(FileUpload&&) = delete;
    ~FileUpload();

    /// Blocks while the disk is slower than the sender. Throws as finish() does.
    void write(std::string_view data);
    /// Returns when everything is in the file.
    void finish();

private:
    friend class Files;
    FileUpload(base::Process helper, base::Fd request, base::Fd reply)
        : helper_(std::move(helper)), request_(std::move(request)), reply_(std::move(reply)) {}
    /// False when the helper listens no more.
    bool send(std::string_view bytes);

    base::Process helper_;
    base::Fd request_;
    base::Fd reply_;
};

class Files {
public:
    /// `root` is what a stopped instance is read from; it must be mounted.
    Files(Runtime& runtime, std::string name, StoppedRoot root)
        : runtime_(runtime), name_(std::move(name)), root_(std::move(root)) {}

    FileInfo stat(const std::string& path) const;
    FileContent get(const std::string& path) const;
    FileUpload put(const FilePut& put) const;
    /// A file, a link or an empty directory.
    void remove(const std::string& path) const;

private:
    struct Helper;
    Helper spawn() const;

    Runtime& runtime_;
    std::string name_;
    StoppedRoot root_;
};

} // namespace instance
