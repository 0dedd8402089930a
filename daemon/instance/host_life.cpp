// What happens to instances when the host, or the daemon with all of them, comes up and goes down.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

#include "daemon/instance/lifecycle.h"
#include "daemon/instance/volatile_keys.h"
#include "schema/values.h"

namespace instance {

namespace {

using Instances = std::vector<std::shared_ptr<Instance>>;

constexpr int start_attempts = 3;
constexpr std::chrono::seconds between_attempts{5};

int number(const Instance& instance, const char* key) {
    return static_cast<int>(schema::parse_integer(schema::get(instance.record()->expanded_config, key)).value_or(0));
}

bool is_to_run(const Record& record) {
    const auto& autostart = schema::get(record.expanded_config, "boot.autostart");
    if (!autostart.empty()) return schema::is_true(autostart);
    return schema::get(record.row.put.config, power_key) == "RUNNING";
}

/// Highest first; those of one priority stay as they are, by name.
std::vector<Instances> batches(const Instances& instances, const char* priority_key) {
    std::map<int, Instances, std::greater<>> by_priority;
    for (const auto& instance : instances) by_priority[number(*instance, priority_key)].push_back(instance);
    std::vector<Instances> result;
    result.reserve(by_priority.size());
    for (auto& [priority, batch] : by_priority) result.push_back(std::move(batch));
    return result;
}

/// Jobs of a worker pool, no more at once than the host has processors. Jobs must not throw.
class Batch {
public:
    explicit Batch(base::WorkerPool& workers) : workers_(workers) {}
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    ~Batch() { wait(); }

    /// Waits for a place.
    void run(std::function<void()> job) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return running_ < places; });
            ++running_;
        }
        workers_.run([this, job = std::move(job)] {
            job();
            const std::scoped_lock lock(mutex_);
            --running_;
            changed_.notify_all();
        });
    }
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return running_ == 0; });
    }

private:
    const unsigned places = std::max(1U, std::thread::hardware_concurrency());
    base::WorkerPool& workers_;
    std::mutex mutex_;
    std::condition_variable changed_;
    unsigned running_ = 0;
};

} // namespace

void Lifecycle::start_at_boot(const std::string& pool) {
    Instances wanted;
    for (const auto& instance : rooms_.instances.list()) {
        const auto record = instance->record();
        const bool asked_for = pool.empty() ? rooms_.pools.is_available(record->row.pool) : record->row.pool == pool;
        if (asked_for && is_to_run(*record) && is_stopped(instance->live())) wanted.push_back(instance);
    }
    for (const auto& batch : batches(wanted, "boot.autostart.priority")) {
        Batch starts(rooms_.workers);
        for (const auto& instance : batch) {
            if (ending_) return;
            starts.run([this, instance] { autostart(instance, 1); });
            const auto delay = number(*instance, "boot.autostart.delay");
            if (delay <= 0) continue;
            // The next one waits; the daemon's end does not.
            starts.wait();
            instance->wait_for(std::chrono::seconds(delay), [](const Live&) { return false; });
        }
    }
}

/// Whoever comes next does not wait for further attempts.
void Lifecycle::autostart(const std::shared_ptr<Instance>& instance, int attempt) {
    const auto name = instance->record()->row.name;
    if (ending_ || rooms_.instances.find(name) != instance || !is_stopped(instance->live())) return;
    try {
        start(instance, {});
    } catch (const std::exception& error) {
        rooms_.log.warning("Failed auto start instance attempt", {{"instance", name},
                                                                  {"attempt", std::to_string(attempt)},
                                                                  {"maxAttempts", std::to_string(start_attempts)},
                                                                  {"err", error.what()}});
        if (attempt == start_attempts) {
            rooms_.log.error("Failed to auto start instance", {{"instance", name}, {"err", error.what()}});
            return;
        }
        rooms_.loop.after(between_attempts, [this, instance, attempt] {
            rooms_.workers.run([this, instance, attempt] { autostart(instance, attempt + 1); });
        });
    }
}

void Lifecycle::stop_for_shutdown() {
    ending_ = true;
    Instances present;
    for (const auto& instance : rooms_.instances.list())
        if (!is_stopped(instance->live()) || !instance->busy_with().empty()) present.push_back(instance);
    for (const auto& batch : batches(present, "boot.stop.priority")) {
        rooms_.log.info("Stopping instances",
                        {{"stopPriority", std::to_string(number(*batch.front(), "boot.stop.priority"))}});
        Batch stops(rooms_.workers);
        for (const auto& instance : batch) stops.run([this, instance] { stop_for_host(*instance); });
    }
}

void Lifecycle::stop_for_host(Instance& instance) {
    const auto record = instance.record();
    const auto& text = schema::get(record->expanded_config, "boot.host_shutdown_timeout");
    const auto timeout = text.empty() ? 30 : number(instance, "boot.host_shutdown_timeout");
    try {
        await_change(instance); // a start may be under way
        const bool ran = instance.live().running.has_value();
        try {
            stop_and_wait(instance, timeout);
        } catch (const std::exception& error) {
            rooms_.log.warning("Failed shutting down instance, forcefully stopping",
                               {{"instance", record->row.name}, {"err", error.what()}});
            stop_and_wait(instance, 0);
        }
        const std::scoped_lock changing(instance.change_lock());
        if (ran && rooms_.instances.find(record->row.name).get() == &instance)
            store_volatile(instance, {{power_key, "RUNNING"}});
    } catch (const std::exception& error) {
        rooms_.log.error("Failed stopping an instance for the shutdown",
                         {{"instance", record->row.name}, {"err", error.what()}});
    }
}

} // namespace instance
