#pragma once
// Removes trees that nobody can reach any more, one after the other on a thread of its own: whoever deletes a container
// need not wait for its thousands of files. Drivers hand over what they have renamed to a name of its own.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "daemon/base/files.h"
#include "daemon/base/worker_pool.h"

namespace storage {

class Removal {
public:
    explicit Removal(std::function<void(const std::string& tree)> by = base::remove_tree)
        : by_(std::move(by)), worker_(1) {}
    /// Waits for the tree at hand and leaves the rest to the next start.
    ~Removal();
    Removal(const Removal&) = delete;
    Removal& operator=(const Removal&) = delete;

    void remove(std::string tree);
    /// Returns when all trees that were handed over are gone.
    void wait();
    /// Returns when the tree at hand is gone; the rest stays, and what comes after it.
    void end();

private:
    void remove_one(const std::string& tree);

    std::function<void(const std::string&)> by_;
    std::mutex mutex_;
    std::condition_variable changed_;
    int waiting_ = 0;
    std::atomic<bool> ending_ = false;
    base::WorkerPool worker_; // last: its jobs use the others
};

} // namespace storage
