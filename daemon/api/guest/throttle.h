#pragma once
// How often a container may do what costs the daemon something that lasts: a write to the database, an event to all.

#include <chrono>
#include <map>
#include <mutex>
#include <string>

namespace api::guest {

class Throttle {
public:
    using Clock = std::chrono::steady_clock;

    Throttle(size_t times, std::chrono::seconds period) : times_(times), period_(period) {}

    /// False where it was allowed so often already in this one's present period.
    bool allow(const std::string& who, Clock::time_point now) {
        const std::scoped_lock lock(mutex_);
        std::erase_if(counts_, [&](const auto& entry) { return now - entry.second.since >= period_; });
        auto& count = counts_.try_emplace(who, Count{now, 0}).first->second;
        if (count.times >= times_) return false;
        ++count.times;
        return true;
    }

private:
    struct Count {
        Clock::time_point since;
        size_t times;
    };

    const size_t times_;
    const std::chrono::seconds period_;
    std::mutex mutex_;
    std::map<std::string, Count> counts_;
};

} // namespace api::guest
