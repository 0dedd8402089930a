#pragma once
// InfiniBand: an interface of the host that becomes the container's, and the nodes of its adapter.

#include <optional>

#include "daemon/devices/network_host.h"
#include "daemon/devices/node.h"

namespace devices {

class Infiniband : public NodeDevice {
public:
    using NodeDevice::NodeDevice;
    schema::Config prepare(const Owner& owner, DeviceHost& host) const override;
    Start start(const Owner& owner, DeviceHost& host, int nic_index) const override;
    schema::Config stopped(const Owner& owner, DeviceHost& host) const override;
    schema::Config attach(const Owner& owner, DeviceHost& host) const override;
    schema::Config detach(const Owner& owner, DeviceHost& host) const override;

protected:
    using Port = schema::resources::NetworkPort;

    /// The ports that belong to the parent: its own, and those of its virtual functions that the host has.
    std::vector<Port> ports(DeviceHost& host) const;

private:
    /// What the container gets; nothing where there is none.
    virtual std::optional<Port> chosen_port(DeviceHost& host) const = 0;
    /// What LXD says then.
    virtual std::string missing() const = 0;

    std::vector<Node> nodes(const Owner&, DeviceHost&, bool) const override { return {}; }
    std::string prefix() const override { return "infiniband.unix"; }

    std::string remembered(const Owner& owner, const std::string& key) const;
    std::string inside_name(const Owner& owner) const;
    /// The port that prepare wrote down, with the options' address and size of packets.
    Port taken_port(const Owner& owner, DeviceHost& host) const;
    std::vector<Node> nodes_of(const Port& port, DeviceHost& host) const;
    /// Gives the host's interface back what it had.
    void restore(const Owner& owner, DeviceHost& host) const;
    schema::Config forgotten() const;
};

class PhysicalInfiniband final : public Infiniband {
public:
    using Infiniband::Infiniband;

private:
    std::optional<Port> chosen_port(DeviceHost& host) const override;
    std::string missing() const override;
};

class SriovInfiniband final : public Infiniband {
public:
    using Infiniband::Infiniband;

private:
    std::optional<Port> chosen_port(DeviceHost& host) const override;
    std::string missing() const override;
};

} // namespace devices
