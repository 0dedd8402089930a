#pragma once
// What devices that are nodes of the host's hardware act on; a part of DeviceHost. The daemon's is in
// instance/node_host; tests use a fake. All throw schema::Error.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/api/resources.h"

namespace devices {

struct DeviceNumbers {
    char kind = 'c'; // 'b': a block device
    unsigned major = 0;
    unsigned minor = 0;

    bool operator==(const DeviceNumbers&) const = default;
};

/// A device node of the host as it is found there.
struct FoundNode {
    std::string path; // "/dev/bus/usb/001/002"
    DeviceNumbers numbers;
    unsigned mode = 0;

    bool operator==(const FoundNode&) const = default;
};

/// A node to be made for a container; owners are the host's ids.
struct NewNode {
    std::string file;   // where
    std::string source; // of the host: what a daemon binds that may not make nodes
    DeviceNumbers numbers;
    unsigned mode = 0;
    int64_t uid = 0;
    int64_t gid = 0;
};

/// A USB device, or what udev knows of any other; ids are four hexadecimal digits.
struct PluggedDevice {
    std::string vendor_id;
    std::string product_id;
    FoundNode node;
};

struct TpmNodes {
    FoundNode device;
    FoundNode resource_manager;
};

class NodeHost {
public:
    virtual ~NodeHost() = default;

    /// Nothing where there is no file. Links are followed. What is no device has kind 0.
    virtual std::optional<FoundNode> find_node(const std::string& path) = 0;
    /// False in a user namespace, where nodes of the host can only be bound.
    virtual bool may_make_nodes() = 0;
    /// Replaces what is there.
    virtual void make_node(const NewNode& node) = 0;
    /// Not an error when it is not there.
    virtual void remove_node(const std::string& file) = 0;
    /// Names in a folder; none where the folder is missing.
    virtual std::vector<std::string> names_in(const std::string& folder) = 0;

    /// The version of the hierarchy that a controller is in; 0 where containers cannot have it.
    virtual int cgroup_version(const std::string& controller) = 0;
    /// Of a running container; see Runtime.
    virtual void set_cgroup(const std::string& instance, const std::string& file, const std::string& value) = 0;
    virtual std::string get_cgroup(const std::string& instance, const std::string& file) = 0;

    /// "MAJOR:MINOR" of the whole disks that a file or folder lies on, or that a block device is. Empty where it lies
    /// on none.
    virtual std::vector<std::string> disks_of(const std::string& path) = 0;

    virtual std::vector<PluggedDevice> usb_devices() = 0;
    /// Devices that udev knows a vendor or product of, but for those of the USB subsystem itself.
    virtual std::vector<PluggedDevice> udev_devices() = 0;
    virtual schema::resources::Gpu gpus() = 0;
    virtual schema::resources::Network network_cards() = 0;

    /// An emulated TPM, a process that outlives the daemon; `pid_file` tells it again.
    virtual TpmNodes start_tpm(const std::string& state_folder, const std::string& pid_file) = 0;
    /// Not an error when there is none.
    virtual void stop_tpm(const std::string& pid_file) = 0;
};

} // namespace devices
