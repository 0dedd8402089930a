#pragma once
// What the driver of a network interface tells through the ethtool ioctl.

#include <string>

#include "schema/api/resources.h"

namespace resources {

/// Fills in address, link and modes; false where the interface is not there (any more).
bool describe_port(schema::resources::NetworkPort& port);
/// Empty where the driver tells none.
std::string firmware_version(const std::string& interface);

} // namespace resources
