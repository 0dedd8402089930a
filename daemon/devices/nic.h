#pragma once
// What network devices have in common: a veth pair with a name and an address that stay the same. At a start liblxc
// makes the pair, so that nothing is left on the host whatever happens; on a running container we do.

#include "daemon/devices/device.h"

namespace devices {

class Nic : public Device {
public:
    using Device::Device;
    Start start(const Owner& owner, DeviceHost& host, int nic_index) const override;
    schema::Config stopped(const Owner& owner, DeviceHost& host) const override;
    schema::Config attach(const Owner& owner, DeviceHost& host) const override;
    schema::Config detach(const Owner& owner, DeviceHost& host) const override;

private:
    /// What the host's end is put into; empty for nothing.
    virtual std::string bridge() const = 0;

    std::string volatile_key(const std::string& key) const;
    /// The option, or what was chosen for it.
    std::string chosen(const Owner& owner, const std::string& key) const;
    std::string inside_name(const Owner& owner) const;
    std::string new_host_name(DeviceHost& host) const;
};

} // namespace devices
