#include "daemon/storage/removal.h"

#include <exception>
#include <utility>

namespace storage {

Removal::~Removal() {
    ending_ = true;
}

void Removal::end() {
    ending_ = true;
    wait();
}

void Removal::remove(std::string tree) {
    {
        const std::scoped_lock lock(mutex_);
        ++waiting_;
    }
    worker_.run([this, tree = std::move(tree)] {
        remove_one(tree);
        const std::scoped_lock lock(mutex_);
        --waiting_;
        changed_.notify_all();
    });
}

/// What cannot be removed now is met again at the next start, which can tell of it.
void Removal::remove_one(const std::string& tree) {
    if (ending_) return;
    try {
        by_(tree);
    } catch (const std::exception&) {
    }
}

void Removal::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ == 0; });
}

} // namespace storage
