#pragma once
// Something that is done at once and then again after every interval, on the event loop's thread: it must be short,
// like starting an operation. Destroy it when the loop has stopped, or on its thread. Caller: the daemon's rooms.

#include <chrono>
#include <functional>
#include <mutex>
#include <utility>

#include "daemon/base/event_loop.h"

namespace base {

class Every {
public:
    Every(EventLoop& loop, std::chrono::milliseconds interval, std::function<void()> job)
        : loop_(loop), interval_(interval), job_(std::move(job)) {
        arm(std::chrono::milliseconds(0));
    }
    ~Every() { loop_.remove(timer_); }
    Every(const Every&) = delete;
    Every& operator=(const Every&) = delete;

private:
    void arm(std::chrono::milliseconds delay) {
        // The loop may be through with the first time before its number is here.
        const std::scoped_lock lock(mutex_);
        timer_ = loop_.after(delay, [this] {
            job_();
            arm(interval_);
        });
    }

    EventLoop& loop_;
    std::chrono::milliseconds interval_;
    std::function<void()> job_;
    std::mutex mutex_;
    EventLoop::Id timer_ = 0;
};

} // namespace base
