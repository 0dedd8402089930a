#pragma once
// The device types, each in the file of its name. Only make_device and tests name them.

#include "daemon/devices/device.h"
#include "daemon/devices/nic_types.h"

namespace devices {

/// A root filesystem (path "/"), or a file or folder of the host.
class Disk final : public Device {
public:
    using Device::Device;
    void check() const override;
    void check_host(const Owner& owner, DeviceHost& host) const override;
    Start start(const Owner& owner, DeviceHost& host, int nic_index) const override;
    schema::Config stopped(const Owner& owner, DeviceHost& host) const override;
    schema::Config attach(const Owner& owner, DeviceHost& host) const override;
    schema::Config detach(const Owner& owner, DeviceHost& host) const override;

private:
    bool is_root() const;
    bool is_required() const;
    bool is_missing(DeviceHost& host) const;
    Start start_root(const Owner& owner) const;
    std::string mount_options(const Owner& owner, PathKind kind) const;
};

/// Hides a device of the same name that a profile has.
class None final : public Device {
public:
    using Device::Device;
    Start start(const Owner&, DeviceHost&, int) const override { return {}; }
    schema::Config attach(const Owner&, DeviceHost&) const override { return {}; }
    schema::Config detach(const Owner&, DeviceHost&) const override { return {}; }
};

} // namespace devices
