#include "daemon/instance/follow.h"

#include <algorithm>

#include "daemon/instance/announced_change.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/start_plan.h"

namespace instance {

namespace {

/// Calls `act` for each device that follows the host; what goes wrong with one is logged.
void for_each_followed(const Record& record, const Rooms& rooms, const auto& act) {
    for (const auto& [name, options] : record.expanded_devices) {
        try {
            const auto device = devices::make_device(name, options);
            const auto followed = device->follows();
            if (followed.hardware || !followed.paths.empty()) act(*device);
        } catch (const std::exception& error) {
            rooms.log.warning("Failed following a device of the host",
                              {{"instance", record.row.name}, {"device", name}, {"err", error.what()}});
        }
    }
}

} // namespace

devices::Followed followed_by(const Record& record) {
    devices::Followed all;
    for (const auto& [name, options] : record.expanded_devices) {
        auto followed = devices::make_device(name, options)->follows();
        all.paths.merge(followed.paths);
        all.hardware = all.hardware || followed.hardware;
    }
    return all;
}

bool concerns_devices(const base::Uevent& event) {
    return event.from_udev ? !event.property("DEVNAME").empty() : event.property("SUBSYSTEM") == "usb";
}

std::vector<std::string> outdated_devices(const Record& record, const Rooms& rooms) {
    const auto owner = running_owner(record, rooms);
    std::vector<std::string> names;
    for_each_followed(record, rooms, [&](const devices::Device& device) {
        if (device.is_outdated(owner, rooms.device_host)) names.push_back(device.name());
    });
    return names;
}

void update_followed(const Record& record, const std::vector<std::string>& names, const Rooms& rooms) {
    const auto owner = running_owner(record, rooms);
    for_each_followed(record, rooms, [&](const devices::Device& device) {
        if (std::find(names.begin(), names.end(), device.name()) != names.end())
            device.follow(owner, rooms.device_host);
    });
}

void Lifecycle::watch_host() {
    devices::Followed all;
    bool any = false;
    for (const auto& instance : rooms_.instances.list()) {
        if (!instance->live().running) continue;
        any = true;
        auto followed = followed_by(*instance->record());
        all.paths.merge(followed.paths);
        all.hardware = all.hardware || followed.hardware;
    }
    const std::scoped_lock lock(watched_mutex_);
    if (any != uevents_wanted_) listen_to_uevents(any);
    if (all.paths == watched_.paths && all.hardware == watched_.hardware) return;
    try {
        path_watch_.set(all.paths);
        watched_ = all;
        follow_host({}); // what came or went before it was watched
    } catch (const std::exception& error) {
        rooms_.log.warning("Failed watching the host's devices", {{"err", error.what()}});
    }
}

/// CPUs that come and go concern every container.
void Lifecycle::listen_to_uevents(bool on) {
    try {
        uevents_.listen(on);
        uevents_wanted_ = on;
    } catch (const std::exception& error) {
        rooms_.log.warning("Failed listening to the kernel's events of devices", {{"err", error.what()}});
    }
}

void Lifecycle::heard(const std::optional<base::Uevent>& event) {
    if (!event || concerns_devices(*event)) follow_host(event);
    if (!event || event->property("SUBSYSTEM") == "cpu") rooms_.workers.run([this] { cpus_changed(); });
}

void Lifecycle::follow_host(const std::optional<base::Uevent>& event) {
    for (const auto& instance : rooms_.instances.list()) {
        if (!instance->live().running) continue;
        const auto followed = followed_by(*instance->record());
        if (followed.hardware || !followed.paths.empty())
            rooms_.workers.run([this, instance, event] { follow_host(*instance, event ? &*event : nullptr); });
    }
}

void Lifecycle::follow_host(const Instance& instance, const base::Uevent* event) {
    const std::scoped_lock lock(instance.change_lock());
    if (!instance.live().running) return;
    const auto record = instance.record();
    try {
        const auto names = outdated_devices(*record, rooms_);
        if (names.empty()) return;
        // Where this is cut off, the devices are taken out at the next start, whatever there is of them, and added.
        auto without = *record;
        for (const auto& name : names) without.expanded_devices.erase(name);
        const auto announced = announce(instance, without);
        update_followed(*record, names, rooms_);
        if (event != nullptr) rooms_.runtime.send_uevent(record->row.name, event->words());
    } catch (const std::exception& error) {
        rooms_.log.warning("Failed following the host's devices",
                           {{"instance", record->row.name}, {"err", error.what()}});
    }
}

} // namespace instance
