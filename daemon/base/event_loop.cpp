#include "daemon/base/event_loop.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "daemon/base/fd.h"

namespace base {

namespace {

using Clock = std::chrono::steady_clock;
constexpr uint64_t wake_id = 0;

} // namespace

struct EventLoop::State {
    struct Watch {
        int fd;
        std::shared_ptr<std::function<void()>> callback; // shared: it may remove itself while it runs
    };
    using TimerKey = std::pair<Clock::time_point, Id>;

    void loop();
    void add(uint64_t id, int fd);
    void wake() const { ::eventfd_write(wake_fd.get(), 1); }
    int timeout_ms();
    void run_watch(Id id);
    void run_due_timers();

    Fd epoll = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    Fd wake_fd = checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
    std::mutex mutex;
    std::unordered_map<Id, Watch> watches;
    std::map<TimerKey, std::function<void()>> timers;
    std::unordered_map<Id, Clock::time_point> deadlines; // of the timers
    Id next_id = wake_id + 1;
    std::atomic<bool> stopping = false;
    std::thread thread;
};

void EventLoop::State::add(uint64_t id, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = id;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) < 0)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

/// Up to the next timer, rounded up so that it is due when epoll_wait returns; -1 for ever.
int EventLoop::State::timeout_ms() {
    const std::scoped_lock lock(mutex);
    if (timers.empty()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers.begin()->first.first - Clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, INT_MAX));
}

void EventLoop::State::run_watch(Id id) {
    std::shared_ptr<std::function<void()>> callback;
    {
        const std::scoped_lock lock(mutex);
        const auto found = watches.find(id);
        if (found == watches.end()) return; // removed by a callback before it in the same round
        callback = found->second.callback;
    }
    (*callback)();
}

void EventLoop::State::run_due_timers() {
    const auto now = Clock::now();
    for (;;) {
        std::function<void()> callback;
        {
            const std::scoped_lock lock(mutex);
            if (timers.empty() || timers.begin()->first.first > now) return;
            auto due = timers.extract(timers.begin());
            deadlines.erase(due.key().second);
            callback = std::move(due.mapped());
        }
        callback();
    }
}

void EventLoop::State::loop() {
    std::array<epoll_event, 32> events;
    while (!stopping) {
        const int count = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), timeout_ms());
        for (int i = 0; i < count && !stopping; ++i) {
            const Id id = events[static_cast<size_t>(i)].data.u64;
            eventfd_t ignored = 0;
            if (id == wake_id)
                ::eventfd_read(wake_fd.get(), &ignored);
            else
                run_watch(id);
        }
        if (!stopping) run_due_timers();
    }
}

EventLoop::EventLoop() : state_(std::make_unique<State>()) {
    state_->add(wake_id, state_->wake_fd.get());
    state_->thread = std::thread([state = state_.get()] { state->loop(); });
    pthread_setname_np(state_->thread.native_handle(), "events");
}

EventLoop::~EventLoop() {
    stop();
}

void EventLoop::stop() {
    if (!state_->thread.joinable()) return;
    state_->stopping = true;
    state_->wake();
    state_->thread.join();
}

EventLoop::Id EventLoop::watch(int fd, std::function<void()> callback) {
    const std::scoped_lock lock(state_->mutex);
    const Id id = state_->next_id++;
    state_->add(id, fd);
    state_->watches.emplace(id, State::Watch{fd, std::make_shared<std::function<void()>>(std::move(callback))});
    return id;
}

EventLoop::Id EventLoop::after(std::chrono::milliseconds delay, std::function<void()> callback) {
    const std::scoped_lock lock(state_->mutex);
    const Id id = state_->next_id++;
    const auto deadline = Clock::now() + delay;
    const auto entry = state_->timers.emplace(State::TimerKey{deadline, id}, std::move(callback)).first;
    state_->deadlines.emplace(id, deadline);
    if (entry == state_->timers.begin()) state_->wake();
    return id;
}

void EventLoop::remove(Id id) {
    // Destroyed after the lock is released: what a callback holds may call the loop in its destructor.
    std::shared_ptr<std::function<void()>> watch_callback;
    std::function<void()> timer_callback;
    const std::scoped_lock lock(state_->mutex);
    if (const auto found = state_->watches.find(id); found != state_->watches.end()) {
        ::epoll_ctl(state_->epoll.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
        watch_callback = std::move(found->second.callback);
        state_->watches.erase(found);
    } else if (const auto timer = state_->deadlines.find(id); timer != state_->deadlines.end()) {
        auto node = state_->timers.extract({timer->second, id});
        timer_callback = std::move(node.mapped());
        state_->deadlines.erase(timer);
    }
}

} // namespace base
