#pragma once
// What no file tells about the host: answers of drivers and programs. Tests put values of their own in their place.

#include <functional>
#include <string>

#include "schema/api/resources.h"

namespace resources {

struct Probes {
    std::string kernel_version; // uname -r
    std::string architecture;   // uname -m
    std::string system_type;    // "physical", "virtual-machine", "container" or "unknown"
    /// The physical block size of a disk by its name; 0 where it cannot be asked.
    std::function<int64_t(const std::string& disk)> block_size;
    /// Fills in what an interface's driver tells about it; false where it is not there to be asked.
    std::function<bool(schema::resources::NetworkPort& port)> describe_port;
    /// The firmware of a network card by its interface.
    std::function<std::string(const std::string& interface)> firmware_version;
    /// What `nvidia-container-cli info --csv` prints; empty where it is not installed.
    std::function<std::string()> nvidia_info;
};

/// Those of the host. The type of the system is found once and kept.
Probes host_probes();

} // namespace resources
