#pragma once
// A container as devices see it, for their tests.

#include <string>

#include "daemon/devices/device.h"
#include "schema/error.h"

namespace devices {

inline Owner container(bool privileged = false) {
    Owner owner;
    owner.instance = "c1";
    if (!privileged) owner.id_map = {{true, true, 100000, 0, 65536}};
    owner.rootfs = "/pool/c1/rootfs";
    owner.devices_path = "/devices/c1";
    return owner;
}

template <class Attempt> std::string refusal_of(Attempt attempt) {
    try {
        attempt();
    } catch (const schema::Error& error) {
        return error.what();
    }
    return "";
}

} // namespace devices
