#pragma once
// Copies the bytes of one regular file into a new one, by the cheapest way that the filesystem offers.

#include <atomic>
#include <cstdint>

#include <sys/stat.h>

#include "daemon/base/cancel.h"

namespace storage {

class ContentCopier {
public:
    ContentCopier(bool reflink, base::CancelToken cancel) : reflink_(reflink), cancel_(std::move(cancel)) {}

    /// `target` is empty. Shares extents, else copies inside the kernel, keeping holes. Thread-safe.
    void copy(int source, const struct stat& source_stat, int target);

private:
    bool clone(int source, int target);
    void copy_range(int source, int target, off_t offset, off_t end);
    void copy_data_and_holes(int source, int target, off_t size);

    std::atomic<bool> reflink_; // until the filesystem refuses for the first time
    base::CancelToken cancel_;
};

} // namespace storage
