#pragma once
// What network devices have in common: an interface with a name and an address that stay the same. It is made, or
// found, on the host and handed to the container, at its start by the engine and later by the host's hands. Each kind
// says what to make and how to take that away again; what it is called is written down first.

#include "daemon/devices/device.h"
#include "daemon/devices/network_host.h"

namespace devices {

/// Whether a device brings an interface.
inline bool is_network_device(const schema::Device& options) {
    const auto& type = schema::get(options, "type");
    return type == "nic" || type == "infiniband";
}

class Nic : public Device {
public:
    using Device::Device;
    void check_host(const Owner& owner, DeviceHost& host) const override;
    Start start(const Owner& owner, DeviceHost& host, int nic_index) const override;
    schema::Config stopped(const Owner& owner, DeviceHost& host) const override;
    schema::Config attach(const Owner& owner, DeviceHost& host) const override;
    schema::Config detach(const Owner& owner, DeviceHost& host) const override;

protected:
    /// An item of the engine's configuration, without "lxc.net.N.".
    using Items = std::vector<schema::LxcItem>;

    /// Makes what becomes the container's, and what it needs; returns its present name. When it throws, unmake follows.
    virtual std::string make(const Owner& owner, DeviceHost& host) const = 0;
    /// Takes all of it away that is there. Its name is in the owner's volatile keys.
    virtual void unmake(const Owner& owner, DeviceHost& host) const = 0;
    /// What the engine is told of it besides its name.
    virtual Items items(const Owner& owner, const std::string& made) const;
    /// Brings a container's interface back to the host before unmake, where that does not do without.
    virtual void fetch_back(const Owner&, DeviceHost&) const {}
    /// What a running container needs besides the interface, which is there.
    virtual void configure_inside(const Owner&, DeviceHost&) const {}
    /// The volatile keys that it sets, without "volatile.DEVICE.".
    virtual std::vector<std::string> kept_keys() const { return {"host_name"}; }
    /// The items with their whole keys, and where the engine is told whose they are.
    static std::vector<schema::LxcItem> numbered(Items items, int nic_index);

    /// As it is in the owner's volatile keys.
    std::string remembered(const Owner& owner, const std::string& key) const;
    schema::Config to_remember(const schema::Config& values) const;
    /// The option, or what was chosen for it.
    std::string chosen(const Owner& owner, const std::string& key) const;
    std::string inside_name(const Owner& owner) const;
    /// The values of an option that is a list, and those of both "ipv4.KEY" and "ipv6.KEY".
    std::vector<std::string> list(const std::string& key) const;
    std::vector<std::string> both_lists(const std::string& key) const;
    int number(const std::string& key) const; // 0 where it is not set
    bool is_set(const std::string& key) const { return !option(key).empty(); }
    /// Throws where `parent` is not there.
    void check_parent(DeviceHost& host) const;
};

/// A veth pair: the other end stays on the host, where the limits apply.
class VethNic : public Nic {
public:
    using Nic::Nic;
    schema::Config prepare(const Owner& owner, DeviceHost& host) const override;
    Start start(const Owner& owner, DeviceHost& host, int nic_index) const override;
    void update(const schema::Device& before, const Owner& owner, DeviceHost& host) const override;

protected:
    std::string make(const Owner& owner, DeviceHost& host) const override;
    void unmake(const Owner& owner, DeviceHost& host) const override;
    /// Whether anything limits or ranks its traffic.
    bool has_limits() const;

private:
    void prioritize(const Owner& owner, DeviceHost& host, const std::string& host_name) const;
    /// Whether a bridge, or nothing, is all that the host's end needs before the container's processes run.
    virtual bool is_plain() const { return false; }
    /// What the host's end of a plain one still needs when they do.
    virtual void finish_plain(DeviceHost&, const std::string&) const {}
    /// What the host's end is for; it is down yet.
    virtual void connect(const Owner& owner, DeviceHost& host, const std::string& host_name) const = 0;
    /// Undoes what does not go with the interface.
    virtual void disconnect(const Owner& owner, DeviceHost& host, const std::string& host_name) const = 0;
    /// What live options other than limits ask for.
    virtual void reconnect(const schema::Device& before, const Owner& owner, DeviceHost& host,
                           const std::string& host_name) const = 0;
};

/// One that uses an interface of the host, or a VLAN on it that is made where it is missing and goes with its last
/// user.
class VlanUser {
public:
    explicit VlanUser(const schema::Device& options) : options_(options) {}

    /// "eth0", or "eth0.5".
    std::string interface() const;
    /// Whether it is, or was, for us to make.
    bool is_ours(const Owner& owner, DeviceHost& host) const;
    /// Returns true where it was made now.
    bool make(DeviceHost& host) const;
    void remove(const Owner& owner, DeviceHost& host) const;

private:
    const schema::Device& options_;
};

/// limits.max goes before the others.
TrafficLimits traffic_limits(const schema::Device& options);

} // namespace devices
