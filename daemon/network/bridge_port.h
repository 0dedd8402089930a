#pragma once
// A bridge and one of its ports, as the kernel's own bridge has them. Caller: the device host.

#include <string>
#include <vector>

namespace network {

/// Whether the kernel lets rules for IP packets see what a bridge carries; says what is missing otherwise (br_netfilter
/// as LXD names it), and nothing where all is well.
std::string bridge_netfilter_lack(bool ipv6);

/// Keeps a port from talking to other ports that are so.
void isolate_port(const std::string& port);
/// Lets frames leave by the port that they came in by.
void reflect_port(const std::string& port);

/// `untagged` is a VLAN's number, "none" or, for what the bridge gives every port, empty. Throws where the bridge does
/// not filter VLANs.
void join_vlans(const std::string& port, const std::string& bridge, const std::string& untagged,
                const std::vector<int>& tagged);

} // namespace network
