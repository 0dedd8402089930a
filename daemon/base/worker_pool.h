#pragma once
// Threads for blocking work (request handlers, operations, exec streams): as many as are busy, bounded, and gone after
// some idle seconds, so that an idle daemon keeps few.

#include <functional>
#include <memory>

namespace base {

class WorkerPool {
public:
    /// At most `limit` threads; further jobs wait in order.
    explicit WorkerPool(size_t limit);
    /// Waits for running jobs; queued ones are run first.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// Runs a job on some thread, soon. A job must not throw.
    void run(std::function<void()> job);

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace base
