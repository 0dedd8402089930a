#pragma once
// What a container may send through its port of a bridge, and what may come back to whoever pretends: rules in nft's
// language, pure. Callers: nic devices, which hand them to the firewall.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace network {

/// The networks that packets may come from: nothing: any; none: no packets of this kind at all.
using AllowedNetworks = std::optional<std::vector<std::string>>;

struct BridgePort {
    std::string label;     // names the rules; see chain_label
    std::string interface; // the host's end
    std::string hwaddr;    // of the container's end: nothing else is let through
    AllowedNetworks ipv4;  // "192.0.2.7/32"
    AllowedNetworks ipv6;
};

/// Replaces what was there for this label.
std::string bridge_filter(const BridgePort& port);
std::string without_bridge_filter(std::string_view label);

/// Drops what arrives from an interface with an address that would not be answered through it.
std::string reverse_path_filter(std::string_view label, std::string_view interface);
std::string without_reverse_path_filter(std::string_view label);

/// Gives the packets that come from an interface a priority among those that wait to be sent, as queueing disciplines
/// read it.
std::string packet_priority(std::string_view label, std::string_view interface, uint32_t priority);
std::string without_packet_priority(std::string_view label);

/// "c1.eth0"; what a chain's name may not have is written otherwise.
std::string chain_label(std::string_view instance, std::string_view device);

/// Commands that make sure a chain is there and empty, and that it is not there.
std::string fresh_chain(std::string_view family, std::string_view chain, std::string_view hook);
std::string without_chain(std::string_view family, std::string_view chain);

} // namespace network
