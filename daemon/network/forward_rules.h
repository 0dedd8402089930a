#pragma once
// Forwarding an address of the host to one behind it, as rules in nft's language, pure. Caller: proxy devices.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace network {

struct Forward {
    std::string label;    // names the rules; see chain_label
    std::string protocol; // "tcp", "udp"
    std::string listen;   // an address of the host
    std::vector<uint16_t> listen_ports;
    std::string target;
    std::vector<uint16_t> target_ports; // one, or as many as listen_ports
};

/// Replaces what was there for this label.
std::string forward_rules(const Forward& forward);
std::string without_forward_rules(std::string_view label);

} // namespace network
