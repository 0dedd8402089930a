#pragma once
// Lets files that are unpacked share what they hold with those of another tree, such as an unpacked image that a
// backup's container was made of. Called by unpack_tar.

#include <cstdint>
#include <string>

#include "daemon/base/fd.h"
#include "daemon/storage/tar_reader.h"

namespace storage {

/// A new file that began as another. With no other one it is an empty file.
class BegunFile {
public:
    BegunFile(int file, base::Fd original) : file_(file), original_(std::move(original)) {}

    /// Blocks must come in order. Throws bad_request where they do not, else std::system_error.
    void write(const TarReader::Block& block);
    /// What no block told is zeros.
    void finish(int64_t size);

private:
    bool holds(const TarReader::Block& block);
    void clear_to(int64_t offset);

    int file_;
    base::Fd original_;
    int64_t end_ = 0;
};

class AlikeFiles {
public:
    /// None at all where `folder` is empty. Nobody changes what is in it meanwhile.
    explicit AlikeFiles(const std::string& folder);

    /// Begins `file`, which is new and empty, as the one of that path, if it has that size and can be shared.
    BegunFile begin(int file, const std::string& path, int64_t size);

    /// The plain file of that path and size; none where there is no such.
    base::Fd find(const std::string& path, int64_t size);

private:
    bool enter(const std::string& path);

    base::Fd root_;
    base::Fd folder_;
    std::string folder_path_;
    bool has_folder_ = false;
};

} // namespace storage
