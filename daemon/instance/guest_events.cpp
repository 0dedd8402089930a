#include "daemon/instance/guest_events.h"

#include <algorithm>

#include "schema/api/event.h"

namespace instance {

namespace {

std::string text_of(const GuestEvent& event) {
    schema::Event shown;
    shown.type = event.type;
    shown.timestamp = std::chrono::system_clock::now();
    shown.metadata = event.metadata;
    shown.location.clear(); // guests are not told
    return schema::to_json(shown).dump();
}

} // namespace

std::shared_ptr<void> GuestEvents::listen(std::shared_ptr<Instance> instance, std::set<std::string> types,
                                          Listener listener) {
    const auto subscription =
        std::make_shared<const Subscription>(std::move(instance), std::move(types), std::move(listener));
    {
        const std::scoped_lock lock(mutex_);
        subscriptions_.push_back(subscription);
    }
    return {nullptr, [this, subscription](void*) { end(subscription); }};
}

void GuestEvents::send(const Instance& instance, const std::vector<GuestEvent>& events) {
    if (events.empty()) return;
    auto listeners = listening(instance);
    for (const auto& event : events) {
        if (listeners.empty()) return;
        const auto text = text_of(event);
        std::erase_if(listeners, [&](const auto& subscription) {
            if (!subscription->types.contains(event.type) || subscription->listener(text)) return false;
            end(subscription);
            return true;
        });
    }
}

GuestEvents::Subscriptions GuestEvents::listening(const Instance& instance) const {
    Subscriptions found;
    const std::scoped_lock lock(mutex_);
    std::ranges::copy_if(subscriptions_, std::back_inserter(found),
                         [&](const auto& subscription) { return subscription->instance.get() == &instance; });
    return found;
}

void GuestEvents::end(const std::shared_ptr<const Subscription>& subscription) {
    const std::scoped_lock lock(mutex_);
    std::erase(subscriptions_, subscription);
}

} // namespace instance
