#include "daemon/storage/daemon_folder.h"

#include "schema/error.h"

namespace storage {

DaemonFolder::Hold DaemonFolder::count_writer() {
    ++writers_;
    return {this, [this](void*) { end_writing(); }}; // not null, which says that there is none
}

void DaemonFolder::end_writing() {
    const std::scoped_lock lock(mutex_);
    --writers_;
}

void DaemonFolder::end_moving() {
    {
        const std::scoped_lock lock(mutex_);
        moving_ = false;
    }
    moved_.notify_all();
}

DaemonFolder::Hold DaemonFolder::writing() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [this] { return !moving_; });
    if (!closed_.empty()) throw schema::Error(schema::ErrorKind::unavailable, closed_);
    return count_writer();
}

DaemonFolder::Hold DaemonFolder::try_writing() {
    const std::scoped_lock lock(mutex_);
    return moving_ || !closed_.empty() ? nullptr : count_writer();
}

DaemonFolder::Hold DaemonFolder::moving() {
    const std::scoped_lock lock(mutex_);
    if (moving_ || writers_ > 0)
        throw schema::conflict("Something is being written to {:?}: try again when that is done", path_);
    moving_ = true;
    return {this, [this](void*) { end_moving(); }};
}

bool DaemonFolder::close(std::string why) {
    const std::scoped_lock lock(mutex_);
    const bool known = closed_ == why;
    closed_ = std::move(why);
    return !known;
}

std::string DaemonFolder::closed() {
    const std::scoped_lock lock(mutex_);
    return closed_;
}

void DaemonFolder::open() {
    close({});
}

} // namespace storage
