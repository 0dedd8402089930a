#pragma once
// Readers-writer locks by name, made as they are needed; waiting for one can be cancelled. Used by the pools, so that
// an image is unpacked once however many ask for it, and is not removed while it is copied.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "daemon/base/cancel.h"

namespace storage {

class KeyedLock {
public:
    /// Held until it is destroyed.
    using Hold = std::shared_ptr<void>;

    /// Both block; both throw bad_request when cancelled meanwhile.
    Hold shared(const std::string& key, const base::CancelToken& cancel);
    Hold exclusive(const std::string& key, const base::CancelToken& cancel);

private:
    struct Entry {
        int readers = 0;
        bool writer = false;
        int interested = 0; // holders and waiters: the entry goes with the last
    };
    Hold acquire(const std::string& key, const base::CancelToken& cancel, bool exclusive);
    void release(const std::string& key, bool exclusive);
    void forget(const std::string& key);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Entry> entries_;
};

} // namespace storage
