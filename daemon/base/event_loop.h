#pragma once
// One thread with epoll: waits for descriptors (pidfds, signals, netlink) and timers. Callbacks run on that thread and
// must be short; long work goes to the WorkerPool.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace base {

class EventLoop {
public:
    using Id = uint64_t;

    EventLoop();
    /// As stop().
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    /// Calls back whenever `fd` is readable, has ended or failed, until removed (level-triggered). The loop does not
    /// own the descriptor: remove the watch before closing it. One watch a descriptor.
    Id watch(int fd, std::function<void()> callback);
    /// Calls back once after `delay`.
    Id after(std::chrono::milliseconds delay, std::function<void()> callback);
    /// Removes a watch or a timer; an unknown id is ignored. From another thread it does not wait for a running
    /// callback.
    void remove(Id id);
    /// Stops and joins the thread; callbacks that have not run are dropped. Watches may still be added and removed
    /// then, to no effect. Not from a callback.
    void stop();

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace base
