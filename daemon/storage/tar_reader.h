#pragma once
// Reads a tar stream, compressed or not, entry by entry (libarchive). For unpacking and for looking into images.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <sys/stat.h>

#include "daemon/base/cancel.h"
#include "daemon/storage/file_attributes.h"

namespace storage {

struct TarEntry {
    std::string path;      // as written in the archive
    std::string hard_link; // the entry that this is another name of; empty for all others
    std::string symlink;   // the text of a symbolic link
    struct stat attributes{};
    Xattrs xattrs;
};

class TarReader {
public:
    /// Called with how much of the (compressed) file was read.
    using Progress = std::function<void(int percent)>;

    /// With `any_size`, for one who leaves zeros out, files may be however much larger than the archive.
    TarReader(const std::string& file, const base::CancelToken& cancel, Progress progress = {}, bool any_size = false);
    ~TarReader();
    TarReader(const TarReader&) = delete;
    TarReader& operator=(const TarReader&) = delete;

    /// Moves on to the next entry; false at the end. Throws bad_request when the archive is damaged or cut short.
    bool next(TarEntry& entry);
    /// A piece of the entry's content; holes are not told. False at its end. The data is valid until the next call.
    struct Block {
        const char* data = nullptr;
        size_t size = 0;
        int64_t offset = 0;
    };
    bool next_block(Block& block);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace storage
