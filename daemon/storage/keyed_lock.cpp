#include "daemon/storage/keyed_lock.h"

namespace storage {

KeyedLock::Hold KeyedLock::shared(const std::string& key, const base::CancelToken& cancel) {
    return acquire(key, cancel, false);
}

KeyedLock::Hold KeyedLock::exclusive(const std::string& key, const base::CancelToken& cancel) {
    return acquire(key, cancel, true);
}

KeyedLock::Hold KeyedLock::acquire(const std::string& key, const base::CancelToken& cancel, bool exclusive) {
    auto token = cancel;
    const auto wake = token.on_cancel([this] {
        const std::scoped_lock lock(mutex_);
        changed_.notify_all();
    });
    {
        std::unique_lock lock(mutex_);
        auto& entry = entries_[key];
        ++entry.interested;
        changed_.wait(lock,
                      [&] { return cancel.cancelled() || (!entry.writer && (!exclusive || entry.readers == 0)); });
        if (!cancel.cancelled()) {
            (exclusive ? entry.writer = true : (++entry.readers, true));
            return {nullptr, [this, key, exclusive](void*) { release(key, exclusive); }};
        }
        forget(key);
    }
    cancel.check();
    return nullptr;
}

void KeyedLock::release(const std::string& key, bool exclusive) {
    const std::scoped_lock lock(mutex_);
    auto& entry = entries_.at(key);
    if (exclusive)
        entry.writer = false;
    else
        --entry.readers;
    forget(key);
    changed_.notify_all();
}

void KeyedLock::forget(const std::string& key) {
    const auto entry = entries_.find(key);
    if (--entry->second.interested == 0) entries_.erase(entry);
}

} // namespace storage
