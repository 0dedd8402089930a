#include "daemon/base/worker_pool.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <pthread.h>

namespace base {

namespace {

constexpr auto idle_time = std::chrono::seconds(5);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t stack_size = 8U << 20U; // the sanitizers' frames are larger
#else
// Holds the deepest JSON that is accepted (a test shows it). Only what is touched costs memory, and below 2 MiB a stack
// never becomes a huge page.
constexpr size_t stack_size = 1U << 20U;
#endif

} // namespace

/// Idle threads wait on a stack, each for itself: the last to become idle gets the next job, so that those beneath it
/// reach their idle time when there is less to do.
struct WorkerPool::State : std::enable_shared_from_this<State> {
    struct Idle {
        std::condition_variable woken;
        std::function<void()> job;
    };

    explicit State(size_t most) : limit(most) {}

    void run(std::function<void()> job);
    void start_thread(std::function<void()> job);
    void work(std::function<void()> job);
    std::function<void()> next(std::unique_lock<std::mutex>& lock);
    void end_thread(std::unique_lock<std::mutex>& lock);
    void finish();

    const size_t limit;
    std::mutex mutex;
    std::condition_variable ended;
    std::vector<Idle*> idle;
    std::deque<std::function<void()>> queue;
    size_t threads = 0;
    bool stopping = false;
    std::optional<pthread_t> last_ended; // each thread that ends joins the one before it
};

namespace {

struct Start {
    std::function<void(std::function<void()>)> work;
    std::function<void()> job;
};

void* thread_main(void* argument) {
    const std::unique_ptr<Start> start(static_cast<Start*>(argument));
    start->work(std::move(start->job));
    return nullptr;
}

} // namespace

void WorkerPool::State::run(std::function<void()> job) {
    const std::scoped_lock lock(mutex);
    if (!idle.empty()) {
        auto* thread = idle.back();
        idle.pop_back();
        thread->job = std::move(job);
        thread->woken.notify_one();
    } else if (threads < limit) {
        start_thread(std::move(job));
    } else {
        queue.push_back(std::move(job));
    }
}

/// With the lock held. Where the system gives no more threads, those that there are must do.
void WorkerPool::State::start_thread(std::function<void()> job) {
    auto start = std::make_unique<Start>();
    start->work = [self = shared_from_this()](std::function<void()> first) { self->work(std::move(first)); };
    start->job = std::move(job);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_size);
    pthread_t thread{};
    const int error = pthread_create(&thread, &attributes, thread_main, start.get());
    pthread_attr_destroy(&attributes);
    if (error == 0) {
        ++threads;
        static_cast<void>(start.release()); // the thread's now
        pthread_setname_np(thread, "worker");
        return;
    }
    if (threads == 0) throw std::system_error(error, std::generic_category(), "Failed starting a thread");
    queue.push_back(std::move(start->job));
}

void WorkerPool::State::work(std::function<void()> job) {
    while (job) {
        job();
        job = nullptr; // what it holds must go before the thread is idle
        std::unique_lock lock(mutex);
        job = next(lock);
        if (!job) end_thread(lock);
    }
}

/// The next job, or nothing when this thread is to end.
std::function<void()> WorkerPool::State::next(std::unique_lock<std::mutex>& lock) {
    if (!queue.empty()) {
        auto job = std::move(queue.front());
        queue.pop_front();
        return job;
    }
    if (stopping) return nullptr;
    Idle self;
    idle.push_back(&self);
    const auto deadline = std::chrono::steady_clock::now() + idle_time;
    const bool woken = self.woken.wait_until(lock, deadline, [&] { return stopping || self.job; });
    if (self.job) return std::move(self.job);
    if (!woken || stopping) std::erase(idle, &self);
    return nullptr;
}

void WorkerPool::State::end_thread(std::unique_lock<std::mutex>& lock) {
    const auto before = std::exchange(last_ended, pthread_self());
    --threads;
    ended.notify_all();
    lock.unlock();
    if (before) pthread_join(*before, nullptr);
}

void WorkerPool::State::finish() {
    std::unique_lock lock(mutex);
    stopping = true;
    for (auto* thread : idle) thread->woken.notify_one();
    ended.wait(lock, [&] { return threads == 0; });
    const auto last = std::exchange(last_ended, {});
    lock.unlock();
    if (last) pthread_join(*last, nullptr);
}

WorkerPool::WorkerPool(size_t limit) : state_(std::make_shared<State>(std::max<size_t>(limit, 1))) {}

WorkerPool::~WorkerPool() {
    state_->finish();
}

void WorkerPool::run(std::function<void()> job) {
    state_->run(std::move(job));
}

} // namespace base
