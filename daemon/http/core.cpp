#include "daemon/http/core.h"

#include <algorithm>

#include <pthread.h>
#include <sys/resource.h>

#include "schema/limits.h"

namespace http {

IoThread::IoThread() : work_(context_.get_executor()), thread_([this] { context_.run(); }) {
    pthread_setname_np(thread_.native_handle(), "http-io");
}

void IoThread::end() {
    work_.reset();
    // What is posted after the thread's last look would keep its owner alive for good.
    boost::asio::post(context_, [] {});
    if (thread_.joinable()) thread_.join();
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    context_.restart();
    context_.poll();
}

namespace {

/// Half of the descriptors are for everything else.
size_t most_connections() {
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) < 0) return schema::limits::connections.value;
    return std::min<size_t>(schema::limits::connections.value, descriptors.rlim_cur / 2);
}

} // namespace

Core::Core(Server::Options with, base::WorkerPool& workers)
    : options(with), workers_(workers), most_open_(most_connections()) {}

void Core::run(std::function<void()> job) {
    {
        const std::scoped_lock lock(mutex_);
        ++jobs_;
    }
    workers_.run([this, job = std::move(job)]() mutable {
        job();
        job = nullptr; // what it holds must be gone when the server ends
        end_job();
    });
}

void Core::end_job() {
    const std::scoped_lock lock(mutex_);
    if (--jobs_ == 0 && draining_) changed_.notify_all();
}

bool Core::add(const std::shared_ptr<Endpoint>& endpoint, const std::shared_ptr<IoThread>& io) {
    const std::scoped_lock lock(mutex_);
    if (draining_) return false;
    open_.emplace(endpoint.get(), Open{endpoint, io, next_turn_});
    turns_.emplace(next_turn_++, endpoint.get());
    if (open_.size() > most_open_) ask_idlest_to_give_way();
    return true;
}

void Core::move_to_end(Open& open, const Endpoint* endpoint) {
    turns_.erase(open.turn);
    open.turn = next_turn_++;
    turns_.emplace(open.turn, endpoint);
}

void Core::touch(const Endpoint* endpoint) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = open_.find(endpoint); found != open_.end()) move_to_end(found->second, endpoint);
}

/// Whoever was asked comes last again: those that are at work are passed over, and none is asked twice before the rest.
void Core::ask_idlest_to_give_way() {
    const auto* idlest = turns_.begin()->second;
    auto& open = open_.at(idlest);
    move_to_end(open, idlest);
    open.io->post([weak = open.endpoint] {
        if (const auto endpoint = weak.lock()) endpoint->give_way();
    });
}

void Core::remove(const Endpoint* endpoint) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = open_.find(endpoint); found != open_.end()) {
        turns_.erase(found->second.turn);
        open_.erase(found);
    }
    if (open_.empty() && draining_) changed_.notify_all();
}

void Core::drain() {
    {
        const std::scoped_lock lock(mutex_);
        draining_ = true;
    }
    tell_all(&Endpoint::drain);
}

void Core::tell_all(void (Endpoint::*what)()) {
    std::vector<Open> all;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& [key, open] : open_) all.push_back(open);
    }
    for (const auto& open : all)
        open.io->post([what, weak = open.endpoint] {
            if (const auto endpoint = weak.lock()) ((*endpoint).*what)();
        });
}

void Core::wait_until_closed(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, at_most, [&] { return open_.empty(); });
}

void Core::wait_for_jobs(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, at_most, [&] { return jobs_ == 0; });
}

void Core::wait_for_jobs() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return jobs_ == 0; });
}

} // namespace http
