#pragma once
// One instance in memory: its stored row, what it expands to, and what is known of its running container. Held by the
// registry; changed by lifecycle and update alone; read by everybody.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <sys/types.h>

#include "daemon/instance/runtime.h"
#include "daemon/state/instances.h"
#include "schema/config.h"
#include "schema/status.h"

namespace instance {

/// An immutable picture of what is configured; replaced as a whole.
struct Record {
    state::InstanceRow row;
    schema::Config expanded_config;
    schema::Devices expanded_devices;
};

/// Where the container is in its life. `running` is empty while it is stopped.
struct Live {
    schema::Status status = schema::Status::stopped;
    std::optional<Running> running;
};

/// For one that reboots neither this nor `running` holds.
inline bool is_stopped(const Live& live) {
    return !live.running && live.status == schema::Status::stopped;
}

class Instance {
public:
    explicit Instance(Record record) : record_(std::make_shared<const Record>(std::move(record))) {}

    std::shared_ptr<const Record> record() const {
        const std::scoped_lock lock(mutex_);
        return record_;
    }
    void set_record(Record record) {
        auto fresh = std::make_shared<const Record>(std::move(record));
        const std::scoped_lock lock(mutex_);
        record_ = std::move(fresh);
    }
    Live live() const {
        const std::scoped_lock lock(mutex_);
        return live_;
    }
    void set_live(Live live) {
        {
            const std::scoped_lock lock(mutex_);
            live_ = std::move(live);
        }
        changed_.notify_all();
    }
    /// Blocks until `wanted` holds of the live state; false after `timeout` (a negative one waits for ever), and when
    /// waits are abandoned.
    template <class Predicate> bool wait_for(std::chrono::milliseconds timeout, Predicate wanted) const {
        std::unique_lock lock(mutex_);
        const auto over = [&] { return abandoned_ || wanted(live_); };
        if (timeout.count() >= 0)
            changed_.wait_for(lock, timeout, over);
        else
            changed_.wait(lock, over);
        return wanted(live_);
    }
    /// Ends all waits, now and later: the daemon goes, the container may go on.
    void abandon_waits() {
        {
            const std::scoped_lock lock(mutex_);
            abandoned_ = true;
        }
        changed_.notify_all();
    }

    /// Held through every change of the record or of the running container, never while waiting for the container.
    std::recursive_mutex& change_lock() const noexcept { return change_mutex_; }

    /// A start, stop, restart, rename or deletion under way: there is at most one for an instance.
    class Action {
    public:
        Action(Action&& other) noexcept : instance_(std::exchange(other.instance_, nullptr)) {}
        Action& operator=(Action&&) = delete;
        ~Action();

    private:
        friend class Instance;
        explicit Action(Instance* instance) : instance_(instance) {}
        Instance* instance_;
    };
    /// Throws schema::failure `Instance is busy running a "start" operation` while another action goes on.
    Action begin(const std::string& name);
    /// The name of the action under way; empty when there is none.
    std::string busy_with() const;

private:
    mutable std::recursive_mutex change_mutex_;
    mutable std::mutex mutex_; // of what follows
    mutable std::condition_variable changed_;
    std::shared_ptr<const Record> record_;
    Live live_;
    std::string action_;
    bool abandoned_ = false;
};

} // namespace instance
