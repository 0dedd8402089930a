#include "daemon/operations/events.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

namespace operations {

namespace {

constexpr auto project = "default"; // of events that belong to one; the log does not

constexpr auto nobody = static_cast<base::LogLevel>(static_cast<int>(base::LogLevel::error) + 1);

struct Subscription {
    std::set<std::string> types;
    base::LogLevel level;
    EventsHub::Listener listener;
    std::atomic<bool> ended = false;
};

schema::Event event_of(const char* type, schema::Json metadata) {
    schema::Event event;
    event.type = type;
    event.timestamp = std::chrono::system_clock::now();
    event.metadata = std::move(metadata);
    return event;
}

} // namespace

struct EventsHub::State {
    std::mutex mutex; // guards the list; never held while a listener is called
    std::vector<std::shared_ptr<Subscription>> subscriptions;
    std::mutex order;                                // held while listeners are called, so that all see the same order
    std::atomic<base::LogLevel> heard_from = nobody; // the lowest level of the log that somebody gets

    void note_levels() {
        auto lowest = nobody;
        for (const auto& subscription : subscriptions)
            if (subscription->types.contains("logging")) lowest = std::min(lowest, subscription->level);
        heard_from = lowest;
    }

    std::vector<std::shared_ptr<Subscription>> listening(const std::string& type, base::LogLevel level) {
        const std::scoped_lock lock(mutex);
        std::vector<std::shared_ptr<Subscription>> found;
        for (const auto& subscription : subscriptions)
            if (subscription->level <= level && subscription->types.contains(type)) found.push_back(subscription);
        return found;
    }

    void end(const std::shared_ptr<Subscription>& subscription) {
        subscription->ended = true;
        const std::scoped_lock lock(mutex);
        std::erase(subscriptions, subscription);
        note_levels();
    }

    /// `render` is called only when somebody listens.
    template <class Render> void send(const char* type, base::LogLevel level, const Render& render) {
        const std::scoped_lock lock(order);
        const auto listeners = listening(type, level);
        if (listeners.empty()) return;
        const auto text = schema::to_json(render()).dump();
        for (const auto& subscription : listeners)
            if (!subscription->ended && !subscription->listener(text)) end(subscription);
    }
};

EventsHub::EventsHub() : state_(std::make_shared<State>()) {}

EventsHub::~EventsHub() = default;

std::shared_ptr<void> EventsHub::subscribe(std::set<std::string> types, base::LogLevel level, Listener listener) {
    auto subscription = std::make_shared<Subscription>();
    subscription->types = std::move(types);
    subscription->level = level;
    subscription->listener = std::move(listener);
    const std::scoped_lock lock(state_->mutex);
    state_->subscriptions.push_back(subscription);
    state_->note_levels();
    return {nullptr, [state = std::weak_ptr(state_), subscription](void*) {
                if (const auto hub = state.lock()) hub->end(subscription);
            }};
}

void EventsHub::operation(const schema::Operation& operation) {
    state_->send("operation", base::LogLevel::error, [&] {
        auto event = event_of("operation", schema::to_json(operation));
        event.project = project;
        return event;
    });
}

void EventsHub::logging(const base::LogRecord& record) {
    state_->send("logging", record.level, [&] {
        schema::Json metadata;
        metadata.set("message", record.message)
            .set("level", base::level_name(record.level))
            .set("context", record.context);
        return event_of("logging", std::move(metadata));
    });
}

bool EventsHub::listens_to_log(base::LogLevel level) const noexcept {
    return level >= state_->heard_from.load(std::memory_order_relaxed);
}

void EventsHub::lifecycle(const std::string& action, const std::string& source, schema::Json context,
                          const std::optional<schema::Requestor>& requestor) {
    state_->send("lifecycle", base::LogLevel::error, [&] {
        schema::Json metadata;
        metadata.set("action", action).set("source", source);
        if (context.is_object() && !context.as_object().empty()) metadata.set("context", std::move(context));
        if (requestor) metadata.set("requestor", schema::to_json(*requestor));
        auto event = event_of("lifecycle", std::move(metadata));
        event.project = project;
        return event;
    });
}

} // namespace operations
