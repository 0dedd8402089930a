#pragma once
// Whether an address is in use on an interface's network. Caller: the device host, for routed nic devices.

#include <chrono>
#include <string>

namespace network {

/// Asks once, by ARP or NDP, and waits for an answer. False where nothing can be asked.
bool is_address_taken(const std::string& interface, const std::string& address, std::chrono::milliseconds wait);

} // namespace network
