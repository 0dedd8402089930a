#pragma once
// The threads that serve one session's sockets, and the wait for the last of them. Callers: exec and console.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

#include "daemon/base/worker_pool.h"

namespace instance {

class Jobs {
public:
    explicit Jobs(base::WorkerPool& workers) : workers_(workers) {}
    ~Jobs() { wait(); }
    Jobs(const Jobs&) = delete;
    Jobs& operator=(const Jobs&) = delete;

    /// The job must not throw.
    void start(std::function<void()> job) {
        {
            const std::scoped_lock lock(mutex_);
            ++running_;
        }
        workers_.run([this, job = std::move(job)] {
            job();
            const std::scoped_lock lock(mutex_);
            --running_;
            ended_.notify_all();
        });
    }
    /// Blocks until all have ended.
    void wait() {
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [&] { return running_ == 0; });
    }

private:
    base::WorkerPool& workers_;
    std::mutex mutex_;
    std::condition_variable ended_;
    int running_ = 0;
};

} // namespace instance
