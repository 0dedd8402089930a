#pragma once
// The kinds of network devices, each in the file of its name. Only make_device and tests name them.

#include "daemon/devices/nic.h"

namespace devices {

/// A veth whose host end is in a bridge.
class BridgedNic final : public VethNic {
public:
    using VethNic::VethNic;
    void check() const override;
    void check_host(const Owner& owner, DeviceHost& host) const override;

private:
    void connect(const Owner& owner, DeviceHost& host, const std::string& host_name) const override;
    void disconnect(const Owner& owner, DeviceHost& host, const std::string& host_name) const override;
    void reconnect(const schema::Device& before, const Owner& owner, DeviceHost& host,
                   const std::string& host_name) const override;
    void filter(const Owner& owner, DeviceHost& host, const std::string& host_name) const;
    /// Through the bridge.
    std::vector<HostRoute> routes() const;
};

/// A veth whose host end is left to the host.
class P2pNic final : public VethNic {
public:
    using VethNic::VethNic;

private:
    void connect(const Owner& owner, DeviceHost& host, const std::string& host_name) const override;
    void disconnect(const Owner& owner, DeviceHost& host, const std::string& host_name) const override;
    void reconnect(const schema::Device& before, const Owner& owner, DeviceHost& host,
                   const std::string& host_name) const override;
};

} // namespace devices
