#pragma once
// What devices have in common that give a container nodes of the host (/dev/...): a node is made in the container's
// devices folder, owned by the container's ids, and bound where the container wants it. The files in that folder are
// the record of what a running container has.

#include <vector>

#include "daemon/devices/device.h"
#include "daemon/devices/node_host.h"

namespace devices {

/// A node as a container is to have it.
struct Node {
    std::string path; // inside
    FoundNode found;  // its mode is the container's too, unless the device has one
};

class NodeDevice : public Device {
public:
    using Device::Device;
    void check() const override;
    Start start(const Owner& owner, DeviceHost& host, int nic_index) const override;
    schema::Config stopped(const Owner& owner, DeviceHost& host) const override;
    schema::Config attach(const Owner& owner, DeviceHost& host) const override;
    schema::Config detach(const Owner& owner, DeviceHost& host) const override;
    bool is_outdated(const Owner& owner, DeviceHost& host) const override;
    void follow(const Owner& owner, DeviceHost& host) const override;

protected:
    /// What the host has for this device now. Throws what keeps the container from having it; `starts` where it is
    /// to be added, so that what must be there is missed.
    virtual std::vector<Node> nodes(const Owner& owner, DeviceHost& host, bool starts) const = 0;
    /// The first part of the names of its files.
    virtual std::string prefix() const { return "unix"; }

    /// For devices that have more than nodes.
    Start start_nodes(const Owner& owner, DeviceHost& host, const std::vector<Node>& wanted) const;
    void attach_nodes(const Owner& owner, DeviceHost& host, const std::vector<Node>& wanted) const;

private:
    std::string file_prefix() const;
    std::string file_of(const Node& node) const;
    std::vector<std::string> files(const Owner& owner, DeviceHost& host) const;
    void make(const Owner& owner, DeviceHost& host, const Node& node) const;
    void attach_one(const Owner& owner, DeviceHost& host, const Node& node) const;
    void detach_one(const Owner& owner, DeviceHost& host, const std::string& file) const;
    bool is_current(const Owner& owner, DeviceHost& host, const Node& node) const;

    struct Difference {
        std::vector<std::string> gone; // files
        std::vector<Node> fresh;
    };
    Difference difference(const Owner& owner, DeviceHost& host) const;
};

} // namespace devices
