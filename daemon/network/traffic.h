#pragma once
// How fast an interface may receive and send: traffic control over netlink. What the interface sends is queued (HTB);
// what it receives is dropped above the rate (police) or, where the kernel cannot, queued on an intermediate interface
// (IFB) of our own. Caller: the device host, for limits of nic devices.

#include <cstdint>
#include <string>

namespace network {

/// Bits per second; 0: no limit.
struct TrafficRates {
    int64_t send = 0;
    int64_t receive = 0;
};

/// Replaces what was set before. All or nothing for each direction; throws schema::failure.
void limit_traffic(const std::string& interface, const TrafficRates& rates);
/// Also where the interface has gone.
void unlimit_traffic(const std::string& interface);

} // namespace network
