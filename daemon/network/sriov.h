#pragma once
// Virtual functions of a network card (SR-IOV): which is free, and what the card enforces for it. Caller: the device
// host.

#include <string>

namespace network {

struct VirtualFunction {
    std::string interface;
    int id = 0;
    std::string hwaddr;
    int vlan = 0; // 0: none
    bool spoof_check = false;
};

/// One whose interface is on the host and down; more are made where the card can and none is. Throws what LXD says
/// where the parent has none.
VirtualFunction free_virtual_function(const std::string& parent);
/// An empty hwaddr lets it have any.
void set_virtual_function(const std::string& parent, const VirtualFunction& wanted);

} // namespace network
