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
    /// Likewise, by sharing extents with a third file of that size on the target's filesystem, which nobody changes, if
    /// it holds the same. Whether it was so: else the target is still empty.
    bool share(int source, off_t size, int alike, int target);

private:
    static bool clone(int source, int target, std::atomic<bool>& works);
    bool hold_the_same(int one, int other, off_t size);
    void copy_range(int source, int target, off_t offset, off_t end);
    void copy_data_and_holes(int source, int target, off_t size);

    std::atomic<bool> reflink_;       // until the filesystem refuses for the first time
    std::atomic<bool> shares_ = true; // likewise, with alike files
    base::CancelToken cancel_;
};

} // namespace storage
