#pragma once
// The device types, each in the file of its name. Only make_device and tests name them.

#include "daemon/devices/device.h"
#include "daemon/devices/infiniband.h"
#include "daemon/devices/nic_types.h"
#include "daemon/devices/node.h"
#include "schema/proxy_address.h"

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
    void resume(const Owner& owner, DeviceHost& host) const override;

private:
    bool is_root() const;
    /// Whether it is a custom volume of a pool.
    bool is_volume() const { return !option("pool").empty() && !is_root(); }
    bool is_required() const;
    bool is_missing(DeviceHost& host) const;
    /// Throws for a kind of source that this container cannot have.
    void check_kind(const Owner& owner, DeviceHost& host) const;
    Start start_root(const Owner& owner) const;
    /// Where its files are on the host, and whether their owners are to be mapped by the mount.
    struct Source {
        std::string path;
        PathKind kind;
        bool idmapped;
    };
    /// Of a volume it is usable then, until `release`.
    Source source(const Owner& owner, DeviceHost& host) const;
    void release(const Owner& owner, DeviceHost& host) const;
    std::string mount_options(const Source& source) const;
    void stage(DeviceHost& host, const Source& source, const std::string& staged) const;
};

/// A character or block device of the host: unix-char and unix-block.
class UnixNode final : public NodeDevice {
public:
    using NodeDevice::NodeDevice;
    void check() const override;
    Followed follows() const override;

private:
    std::vector<Node> nodes(const Owner& owner, DeviceHost& host, bool starts) const override;
    const std::string& source() const;
    const std::string& path() const;
    bool is_required() const;
};

/// Whatever of the host's has a vendor and a product, also what is plugged in later.
class PluggedNodes : public NodeDevice {
public:
    using NodeDevice::NodeDevice;
    Followed follows() const override;

private:
    std::vector<Node> nodes(const Owner& owner, DeviceHost& host, bool starts) const override;
    virtual std::vector<PluggedDevice> plugged(DeviceHost& host) const = 0;
    /// What LXD says where there is none.
    virtual const char* missing() const = 0;
};

class Usb final : public PluggedNodes {
public:
    using PluggedNodes::PluggedNodes;

private:
    std::vector<PluggedDevice> plugged(DeviceHost& host) const override;
    const char* missing() const override { return "Required USB device not found"; }
};

/// A device of any subsystem but USB's own: what udev knows a vendor or a product of.
class UnixHotplug final : public PluggedNodes {
public:
    using PluggedNodes::PluggedNodes;
    void check() const override;

private:
    std::vector<PluggedDevice> plugged(DeviceHost& host) const override;
    const char* missing() const override { return "Required Unix Hotplug device not found"; }
};

/// Whole graphics cards.
class Gpu final : public NodeDevice {
public:
    using NodeDevice::NodeDevice;
    void check() const override;

private:
    std::vector<Node> nodes(const Owner& owner, DeviceHost& host, bool starts) const override;
};

/// A part of an NVIDIA card, which NVIDIA's hook gives to a container that starts.
class MigGpu final : public Device {
public:
    using Device::Device;
    void check() const override;
    bool can_hotplug() const override { return false; }
    Start start(const Owner& owner, DeviceHost& host, int nic_index) const override;
    schema::Config attach(const Owner&, DeviceHost&) const override { return {}; }
    schema::Config detach(const Owner&, DeviceHost&) const override { return {}; }

private:
    std::string visible_device(const schema::resources::GpuCard& card, DeviceHost& host) const;
};

/// An emulated TPM.
class Tpm final : public NodeDevice {
public:
    using NodeDevice::NodeDevice;
    void check_for_container() const override;
    Start start(const Owner& owner, DeviceHost& host, int nic_index) const override;
    schema::Config stopped(const Owner& owner, DeviceHost& host) const override;
    schema::Config attach(const Owner& owner, DeviceHost& host) const override;
    schema::Config detach(const Owner& owner, DeviceHost& host) const override;

private:
    std::vector<Node> nodes(const Owner&, DeviceHost&, bool) const override { return {}; }
    std::vector<Node> started(const Owner& owner, DeviceHost& host) const;
};

/// What only virtual machines have. A profile may bring it, and no container is the wiser.
class MachineDevice final : public Device {
public:
    using Device::Device;
    bool is_for_machines() const override { return true; }
    Start start(const Owner&, DeviceHost&, int) const override { return {}; }
    schema::Config attach(const Owner&, DeviceHost&) const override { return {}; }
    schema::Config detach(const Owner&, DeviceHost&) const override { return {}; }
};

/// Carries connections between the host and the container, or has the firewall do so (nat).
class Proxy final : public Device {
public:
    using Device::Device;
    void check() const override;
    Start start(const Owner& owner, DeviceHost& host, int nic_index) const override;
    schema::Config stopped(const Owner& owner, DeviceHost& host) const override;
    schema::Config attach(const Owner& owner, DeviceHost& host) const override;
    schema::Config detach(const Owner& owner, DeviceHost& host) const override;
    void resume(const Owner& owner, DeviceHost& host) const override;

private:
    bool listens_inside() const;
    bool is_nat() const;
    void check_nat(const schema::ProxyAddress& listen, const schema::ProxyAddress& connect) const;
    std::string hold_file(const Owner& owner) const;
    std::string socket_file() const;
    std::pair<std::string, std::string> nat_target(const Owner& owner) const;
    void forward(const Owner& owner, DeviceHost& host) const;
    void open(const Owner& owner, DeviceHost& host) const;
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
