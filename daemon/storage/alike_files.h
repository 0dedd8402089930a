#pragma once
// Lets files that are unpacked share what they hold with those of another tree, such as an unpacked image that a
// backup's container was made of. Called by unpack_tar.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "daemon/base/fd.h"
#include "daemon/storage/tar_reader.h"

namespace storage {

/// A new file that began as another. With no other one it is an empty file.
class BegunFile {
public:
    /// `shown` names it in errors.
    BegunFile(int file, base::Fd original, std::string shown)
        : file_(file), original_(std::move(original)), shown_(std::move(shown)) {}

    /// Blocks must come in order. Throws bad_request where they do not, else std::system_error.
    void write(const TarReader::Block& block);
    /// What no block told is zeros.
    void finish(int64_t size);

private:
    bool holds(const TarReader::Block& block);
    void clear_to(int64_t offset);
    [[noreturn]] void fail() const;

    int file_;
    base::Fd original_;
    std::string shown_;
    int64_t end_ = 0;
};

class AlikeFiles {
public:
    /// None at all where `folder` is empty. Nobody changes what is in it meanwhile.
    explicit AlikeFiles(const std::string& folder);

    /// Begins `file`, which is new and empty, as the one of that name in the folder of that path ("" for the tree's
    /// own), if it has that size and can be shared.
    BegunFile begin(int file, const std::string& folder, const std::string& name, int64_t size);

    /// The plain file of that name and size; none where there is no such.
    base::Fd find(const std::string& folder, const std::string& name, int64_t size);

private:
    void enter(const std::string& path);

    base::Fd root_;
    base::Fd folder_; // the one that was entered last, if it is there
    std::optional<std::string> folder_path_;
};

} // namespace storage
