#pragma once
// Which of a running container's devices go by what the host has, and the steps that make them so. Called by
// lifecycle's part in follow.cpp.

#include <string>
#include <vector>

#include "daemon/base/uevent.h"
#include "daemon/devices/device.h"
#include "daemon/instance/instance.h"

namespace instance {

struct Rooms;

/// What the devices of a record go by, together.
devices::Followed followed_by(const Record& record);
/// Whether any device could follow it: most events are of network interfaces and the like.
bool concerns_devices(const base::Uevent& event);
/// Names of the devices that are not as the host is now.
std::vector<std::string> outdated_devices(const Record& record, const Rooms& rooms);
/// Makes them so. What cannot be done is logged.
void update_followed(const Record& record, const std::vector<std::string>& names, const Rooms& rooms);

} // namespace instance
