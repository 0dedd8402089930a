#pragma once
// What the kernel and udev tell of devices that come and go (NETLINK_KOBJECT_UEVENT).

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/event_loop.h"
#include "daemon/base/fd.h"

namespace base {

struct Uevent {
    bool from_udev = false; // who tells of a device once its node and its properties are there
    std::map<std::string, std::string> properties;

    const std::string& property(const std::string& name) const {
        static const std::string unset;
        const auto found = properties.find(name);
        return found == properties.end() ? unset : found->second;
    }
    /// As the kernel words it, "add@/devices/..." and properties, without its number: what a container's udev can be
    /// told.
    std::vector<std::string> words() const;
};

/// A datagram as it comes; pure. Nothing where it is none.
std::optional<Uevent> parse_uevent(std::string_view datagram);

class UeventListener {
public:
    /// `heard` is called on the loop's thread for what the kernel or root's udev says; with nothing where messages were
    /// lost.
    UeventListener(EventLoop& loop, std::function<void(const std::optional<Uevent>&)> heard);
    ~UeventListener();
    UeventListener(const UeventListener&) = delete;
    UeventListener& operator=(const UeventListener&) = delete;

    /// From when this returns nothing is missed, or nothing is heard any more. Throws std::system_error.
    void listen(bool on);

private:
    void on_readable();

    EventLoop& loop_;
    std::function<void(const std::optional<Uevent>&)> heard_;
    std::mutex mutex_;
    Fd socket_;
    EventLoop::Id id_ = 0;
};

} // namespace base
