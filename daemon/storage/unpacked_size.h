#pragma once
// What the files of an archive come to, against what the archive itself takes: a few bytes may stand for any number of
// them. Callers: tar_reader and squashfs, for each entry.

#include <algorithm>
#include <cstdint>

#include "schema/error.h"
#include "schema/limits.h"

namespace storage {

class UnpackedSize {
public:
    explicit UnpackedSize(int64_t archive_size) : archive_(archive_size) {}

    /// Throws bad_request past the limits. `size` is that of a file; holes cost nothing on disk, but whoever reads such
    /// a file pays for them.
    void add_entry(int64_t size) {
        namespace limits = schema::limits;
        if (++entries_ > limits::image_entries.value)
            throw schema::bad_request("The archive has more than {} entries", limits::image_entries.value);
        // What does not fit here is past every limit.
        if (__builtin_add_overflow(files_, std::max<int64_t>(size, 0), &files_)) files_ = INT64_MAX;
        const auto files = static_cast<size_t>(files_);
        if (files > limits::image_ratio_from && files / limits::image_ratio.value > static_cast<size_t>(archive_))
            throw schema::bad_request("The archive unpacks to more than {} times its size: {} bytes",
                                      limits::image_ratio.value, files);
    }

private:
    int64_t archive_;
    int64_t files_ = 0;
    size_t entries_ = 0;
};

} // namespace storage
