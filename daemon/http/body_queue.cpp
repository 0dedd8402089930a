#include "daemon/http/body_queue.h"

#include <algorithm>

#include "schema/error.h"

namespace http {

namespace {

constexpr size_t room = 256U << 10U;

} // namespace

size_t BodyQueue::read(char* buffer, size_t size) {
    std::unique_lock lock(mutex_);
    if (taken_ == data_.size() && state_ == State::open) {
        lock.unlock();
        wanted_();
        lock.lock();
        changed_.wait(lock, [&] { return taken_ < data_.size() || state_ != State::open; });
    }
    const auto count = std::min(size, data_.size() - taken_);
    if (count == 0 && state_ == State::broken) throw schema::bad_request("The request's body ended early");
    data_.copy(buffer, count, taken_);
    taken_ += count;
    const bool drained = taken_ == data_.size() && taken_ > 0;
    if (taken_ == data_.size()) {
        data_.clear();
        taken_ = 0;
    }
    const bool more = drained && state_ == State::open;
    lock.unlock();
    if (more) wanted_(); // the next piece comes while this one is worked on
    return count;
}

void BodyQueue::push(std::string piece) {
    const std::scoped_lock lock(mutex_);
    if (data_.empty())
        data_ = std::move(piece);
    else
        data_ += piece;
    changed_.notify_one();
}

bool BodyQueue::has_room() const {
    const std::scoped_lock lock(mutex_);
    return data_.size() - taken_ < room;
}

void BodyQueue::finish() {
    end(State::complete);
}

void BodyQueue::fail() {
    end(State::broken);
}

void BodyQueue::end(State state) {
    const std::scoped_lock lock(mutex_);
    if (state_ != State::open) return;
    state_ = state;
    changed_.notify_all();
}

} // namespace http
