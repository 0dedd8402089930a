#pragma once
// limits.read, limits.write and limits.max of disks. The kernel limits a container's use of a whole disk, not of a
// mount: where several devices of a container lie on one disk, it gets the mean of their limits. Called by start_plan.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/devices/device.h"
#include "daemon/devices/node_host.h"

namespace devices {

/// A second; 0: not limited.
struct DiskLimit {
    int64_t read_bytes = 0;
    int64_t read_operations = 0;
    int64_t write_bytes = 0;
    int64_t write_operations = 0;

    bool operator==(const DiskLimit&) const = default;
};
using DiskLimits = std::map<std::string, DiskLimit>; // by "MAJOR:MINOR" of the disk

/// Of one device; pure. Throws bad_request.
DiskLimit limit_of(const schema::Device& disk);
/// Whether any of these devices has a limit.
bool has_limits(const schema::Devices& devices);
/// Of all of a container's. Throws where the host cannot limit what is to be limited.
DiskLimits disk_limits(const schema::Devices& devices, const Owner& owner, DeviceHost& host);

/// A value for a cgroup file: {"blkio.throttle.read_bps_device", "254:0 1000"}.
using CgroupValue = std::pair<std::string, std::string>;
/// What brings the files of a hierarchy of this version from one set of limits to the other; pure.
std::vector<CgroupValue> limit_writes(const DiskLimits& present, const DiskLimits& wanted, int version);
/// Items for a container's start.
std::vector<schema::LxcItem> limit_items(const DiskLimits& limits, int version);
/// What a file of limit_writes says, added to `limits`; pure. Lines that make no sense are passed over.
void read_limits(const std::string& file, const std::string& text, DiskLimits& limits);

/// Gives a running container these limits and takes every other away that its cgroup has.
void write_limits(const std::string& instance, const DiskLimits& wanted, NodeHost& host);

} // namespace devices
