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
    bool is_plain() const override;
    void finish_plain(DeviceHost& host, const std::string& host_name) const override;
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
    bool is_plain() const override;
    void connect(const Owner& owner, DeviceHost& host, const std::string& host_name) const override;
    void disconnect(const Owner& owner, DeviceHost& host, const std::string& host_name) const override;
    void reconnect(const schema::Device& before, const Owner& owner, DeviceHost& host,
                   const std::string& host_name) const override;
};

/// One interface, which is the host's or the container's.
class MovedNic : public Nic {
public:
    using Nic::Nic;
    void check_host(const Owner& owner, DeviceHost& host) const override;

protected:
    void fetch_back(const Owner& owner, DeviceHost& host) const override;
    std::vector<std::string> kept_keys() const override;
    /// Gives an interface that is back its old address and MTU.
    void restore(const Owner& owner, DeviceHost& host) const;
};

/// An interface of its own on top of one of the host's.
class MacvlanNic final : public MovedNic {
public:
    using MovedNic::MovedNic;
    schema::Config prepare(const Owner& owner, DeviceHost& host) const override;

private:
    std::string make(const Owner& owner, DeviceHost& host) const override;
    void unmake(const Owner& owner, DeviceHost& host) const override;
};

/// An interface of the host.
class PhysicalNic final : public MovedNic {
public:
    using MovedNic::MovedNic;
    schema::Config prepare(const Owner& owner, DeviceHost& host) const override;

private:
    std::string make(const Owner& owner, DeviceHost& host) const override;
    void unmake(const Owner& owner, DeviceHost& host) const override;
    Items items(const Owner& owner, const std::string& made) const override;
};

/// A virtual function of a card of the host.
class SriovNic final : public MovedNic {
public:
    using MovedNic::MovedNic;
    schema::Config prepare(const Owner& owner, DeviceHost& host) const override;

private:
    std::string make(const Owner& owner, DeviceHost& host) const override;
    void unmake(const Owner& owner, DeviceHost& host) const override;
    Items items(const Owner& owner, const std::string& made) const override;
    std::vector<std::string> kept_keys() const override;
};

/// A veth whose host end is a router: addresses are single ones, and the host answers for them on another interface.
class RoutedNic final : public VethNic {
public:
    using VethNic::VethNic;
    void check() const override;
    void check_host(const Owner& owner, DeviceHost& host) const override;
    schema::Config prepare(const Owner& owner, DeviceHost& host) const override;

private:
    void connect(const Owner& owner, DeviceHost& host, const std::string& host_name) const override;
    void disconnect(const Owner& owner, DeviceHost& host, const std::string& host_name) const override;
    void reconnect(const schema::Device& before, const Owner& owner, DeviceHost& host,
                   const std::string& host_name) const override;
    Items items(const Owner& owner, const std::string& made) const override;
    void configure_inside(const Owner& owner, DeviceHost& host) const override;
    std::vector<std::string> kept_keys() const override;
    void check_addresses_free(DeviceHost& host, const std::string& parent) const;
    std::string gateway(const std::string& family, const std::string& usual) const;
    bool has_gateway(const std::string& family) const;
};

/// Shares the hardware address of an interface of the host. The engine makes it, at a start alone.
class IpvlanNic final : public Nic {
public:
    using Nic::Nic;
    void check() const override;
    void check_host(const Owner& owner, DeviceHost& host) const override;
    schema::Config prepare(const Owner& owner, DeviceHost& host) const override;
    schema::Config attach(const Owner& owner, DeviceHost& host) const override;
    schema::Config detach(const Owner& owner, DeviceHost& host) const override;

private:
    std::string make(const Owner& owner, DeviceHost& host) const override;
    void unmake(const Owner& owner, DeviceHost& host) const override;
    Items items(const Owner& owner, const std::string& made) const override;
    std::vector<std::string> kept_keys() const override;
    bool is_l2() const;
};

/// Throws `MODE requires sysctl net.FAMILY.conf.INTERFACE.SETTING=1` where it is otherwise.
void require_setting(DeviceHost& host, const std::string& mode, const std::string& family, const std::string& interface,
                     const std::string& setting);
/// Makes the VLAN that an option asks for where it is missing, ready to route what `options` has.
void prepare_vlan_parent(const schema::Device& options, DeviceHost& host);

} // namespace devices
