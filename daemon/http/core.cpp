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

/// The rest of the descriptors are for everything else.
size_t most_connections(const Server::Options& options) {
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) < 0) return options.most_open;
    return std::min<size_t>(options.most_open, descriptors.rlim_cur / options.share_of_descriptors);
}

} // namespace

Core::Core(Server::Options with, base::WorkerPool& workers)
    : options(with), workers_(workers), most_open_(most_connections(with)) {}

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

bool Core::add(const std::shared_ptr<Endpoint>& endpoint, const std::shared_ptr<IoThread>& io, const std::string& group,
               bool is_idle) {
    const std::scoped_lock lock(mutex_);
    if (draining_ || !make_room(group)) return false;
    auto& open = open_.emplace(endpoint.get(), Open{endpoint, io, group}).first->second;
    count(open);
    if (is_idle) begin_turn(open, endpoint.get());
    return true;
}

/// False where there is none to be had.
bool Core::make_room(const std::string& group) {
    const bool bounded = options.most_in_group > 0;
    if (bounded)
        if (const auto found = groups_.find(group); found != groups_.end() &&
                                                    found->second.count >= options.most_in_group &&
                                                    !ask_to_give_way(found->second.idle))
            return false;
    return counted_ < most_open_ || ask_to_give_way(idle_) || !bounded;
}

bool Core::ask_to_give_way(const Turns& idle) {
    if (idle.empty()) return false;
    auto& open = open_.at(idle.begin()->second);
    end_turn(open);
    uncount(open);
    open.io->post([weak = open.endpoint] {
        if (const auto endpoint = weak.lock()) endpoint->give_way();
    });
    return true;
}

void Core::count(Open& open) {
    open.leaving = false;
    ++counted_;
    ++groups_[open.group].count;
}

void Core::uncount(Open& open) {
    open.leaving = true;
    --counted_;
    const auto group = groups_.find(open.group);
    if (--group->second.count == 0) groups_.erase(group);
}

void Core::begin_turn(Open& open, const Endpoint* endpoint) {
    open.turn = next_turn_++;
    idle_.emplace(open.turn, endpoint);
    groups_[open.group].idle.emplace(open.turn, endpoint);
}

/// Before it is no longer counted: its group goes with the last that is.
void Core::end_turn(Open& open) {
    if (open.turn == 0) return;
    idle_.erase(open.turn);
    groups_[open.group].idle.erase(open.turn);
    open.turn = 0;
}

/// Who was asked to give way and had begun something else meanwhile stays after all.
void Core::set_idle(const Endpoint* endpoint, bool is_idle) {
    const std::scoped_lock lock(mutex_);
    const auto found = open_.find(endpoint);
    if (found == open_.end()) return;
    auto& open = found->second;
    if (open.leaving) count(open);
    end_turn(open);
    if (is_idle) begin_turn(open, endpoint);
}

void Core::remove(const Endpoint* endpoint) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = open_.find(endpoint); found != open_.end()) {
        auto& open = found->second;
        end_turn(open);
        if (!open.leaving) uncount(open);
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
