#pragma once
// The hub between changes of running instances and the programs inside that listen to them. Fed by lifecycle; the guest
// API listens.

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "daemon/instance/guest_changes.h"
#include "daemon/instance/instance.h"

namespace instance {

class GuestEvents {
public:
    /// Called with the JSON text of an event; as operations::EventsHub::Listener.
    using Listener = std::function<bool(const std::string& text)>;

    /// `types` of "config" and "device". Held until the listener returns false or the handle is destroyed.
    std::shared_ptr<void> listen(std::shared_ptr<Instance> instance, std::set<std::string> types, Listener listener);
    /// In the order of the calls, which the instance's change lock gives.
    void send(const Instance& instance, const std::vector<GuestEvent>& events);

private:
    struct Subscription {
        std::shared_ptr<Instance> instance; // kept, so that no other one gets its address
        std::set<std::string> types;
        Listener listener;
    };
    using Subscriptions = std::vector<std::shared_ptr<const Subscription>>;

    Subscriptions listening(const Instance& instance) const;
    void end(const std::shared_ptr<const Subscription>& subscription);

    mutable std::mutex mutex_; // never held while a listener is called
    Subscriptions subscriptions_;
};

} // namespace instance
