#pragma once
// Devices of instances: what each type checks, gives to a container's start, and does on a running one. Called by
// lifecycle and update under the instance's lock; one file a device type.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schema/config.h"
#include "schema/id_map.h"
#include "schema/lxc_item.h"
#include "schema/mount_order.h"

namespace devices {

class NodeHost;
class VolumeHost;
using schema::MountOrder;

enum class PathKind { missing, file, directory, block_device, other };

class NetworkHost;

/// What devices act on. The daemon's is in instance/device_host; tests use a fake. All throw schema::Error.
class DeviceHost {
public:
    virtual ~DeviceHost() = default;

    /// Links are followed.
    virtual PathKind kind_of(const std::string& path) = 0;
    /// Makes `staged` (a file or folder, as `source` is) and binds the source there, so that a container's root, who
    /// may not walk the source's path, can mount it.
    /// `options` as in raw.mount.options: what is a filesystem's own is passed over.
    virtual void stage_mount(const std::string& source, const std::string& staged, bool recursive,
                             const std::string& options) = 0;
    /// As stage_mount, for a disk: mounts its filesystem.
    virtual void stage_disk(const std::string& source, const std::string& staged, const std::string& options) = 0;
    /// Shows what is staged with the owners that a container sees: files have ids as seen inside. liblxc would do so,
    /// but after all other mounts, and so hide what is to be mounted on it.
    virtual void map_staged(const std::string& staged, bool recursive, const schema::IdMap& ids) = 0;
    /// Undoes all of it; not an error when it is not there.
    virtual void unstage_mount(const std::string& staged) = 0;
    /// Whether a mount of `path` can be given a container's map of ids: by this kernel, on that filesystem.
    virtual bool can_map_ids(const std::string& path) = 0;

    virtual NetworkHost& network() = 0;

    /// Into a running container; see Runtime.
    virtual void attach_mount(const std::string& instance, const MountOrder& order) = 0;
    virtual void detach_mount(const std::string& instance, const std::string& target) = 0;

    virtual std::string random_hex(size_t digits) = 0;

    virtual NodeHost& nodes() = 0;

    virtual VolumeHost& volumes() = 0;
};

/// The instance that a device belongs to.
struct Owner {
    std::string instance;
    schema::Config config;        // expanded; volatile.<dev>.* among it
    schema::IdMap id_map;         // of the container that runs or is about to; empty: no user namespace
    std::string rootfs;           // folder of the root filesystem on the host
    bool idmapped_rootfs = false; // files there have ids as seen inside: mount it with the container's map
    std::string devices_path;     // LXD_DIR/devices/NAME, exists
    schema::Devices devices;      // expanded
    /// Whether a VLAN of an interface was made for another instance; may be empty: it was not.
    std::function<bool(const std::string& parent, const std::string& vlan)> others_made_vlan;

    bool privileged() const noexcept { return id_map.empty(); }
};

/// What a device gives to a container's start.
struct Start {
    std::vector<schema::LxcItem> items;
    schema::Config volatile_changes;   // to be stored; an empty value removes the key
    std::function<void()> on_running;  // may be empty; called once init runs; when it throws, the start has failed
    std::function<void()> after_start; // may be empty; called once the start has succeeded or failed; never throws
};

/// What of the host a device of a running container goes by after it was attached.
struct Followed {
    std::set<std::string> paths{}; // files that may come and go
    bool hardware = false;         // the kernel and udev tell (uevents)
};

class Device {
public:
    Device(std::string name, schema::Device options) : name_(std::move(name)), options_(std::move(options)) {}
    virtual ~Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    const std::string& name() const noexcept { return name_; }

    /// Rules on options, all that can be said without a host. Throws bad_request.
    virtual void check() const;
    /// Further rules for a device of a container, which a profile's need not keep. Throws bad_request.
    virtual void check_for_container() const {}
    /// Whether containers cannot have it.
    virtual bool is_for_machines() const { return false; }
    /// Whether it can be added to and taken out of a running container.
    virtual bool can_hotplug() const { return true; }
    /// Whether what it refers to is there. Throws bad_request. LXD does this when a device is added to an instance and
    /// again at its start.
    virtual void check_host(const Owner& owner, DeviceHost& host) const;

    /// What it is going to make or change on the host, as volatile keys. They are written down, and part of the owner's
    /// configuration, before start or attach, so that a crash is cleared up by stopped or detach. Changes nothing.
    virtual schema::Config prepare(const Owner& owner, DeviceHost& host) const;
    /// For a container about to start; `nic_index` counts the network devices before this one. When it throws, nothing
    /// is left.
    virtual Start start(const Owner& owner, DeviceHost& host, int nic_index) const = 0;
    /// Clears up after the container has stopped. Returns volatile changes.
    virtual schema::Config stopped(const Owner& owner, DeviceHost& host) const;
    /// Adds it to a running container, all or nothing. Returns volatile changes.
    virtual schema::Config attach(const Owner& owner, DeviceHost& host) const = 0;
    /// Makes a device of a running container that was `before` what this one is; only live options differ. Also called
    /// where that is so already.
    virtual void update(const schema::Device& before, const Owner& owner, DeviceHost& host) const;
    /// For a container that runs already when the daemon starts: does again what has come to an end meanwhile.
    virtual void resume(const Owner& owner, DeviceHost& host) const;
    /// Takes it out of a running container. Returns volatile changes.
    virtual schema::Config detach(const Owner& owner, DeviceHost& host) const = 0;

    virtual Followed follows() const { return {}; }
    /// Whether a running container has another part of it than the host has now.
    virtual bool is_outdated(const Owner&, DeviceHost&) const { return false; }
    /// Brings the container to what the host has now.
    virtual void follow(const Owner&, DeviceHost&) const {}

protected:
    const std::string& option(const std::string& key) const { return schema::get(options_, key); }
    const schema::Device& options() const noexcept { return options_; }

private:
    std::string name_;
    schema::Device options_;
};

/// Throws bad_request `Failed loading device "NAME": ...` for a type there is none of.
std::unique_ptr<Device> make_device(const std::string& name, const schema::Device& options);

/// Names in the order in which devices start: network, disks by path (the root first), then the others.
std::vector<std::string> start_order(const schema::Devices& devices);

/// Devices as an instance or profile has them. Throws bad_request `Device validation failed for "NAME": ...`; LXD puts
/// "Invalid devices: " before it for instances, and so should the caller.
void check_devices(const schema::Devices& devices);
/// Those of a profile, among them such as only virtual machines can have.
void check_profile_devices(const schema::Devices& devices);
/// As check_devices, for what profiles and instance make together; moreover there must be one root disk. LXD puts
/// "Invalid expanded devices: " before it.
void check_expanded_devices(const schema::Devices& devices);

/// The name of the root disk; empty where there is none. Throws bad_request `More than one root device found`.
std::string root_disk(const schema::Devices& devices);

/// volatile.<dev>.hwaddr and .name for network devices that lack them in both options and configuration; and, as empty
/// values, those keys of devices that are gone or no network devices any more. To be merged and stored at creation,
/// update and start, before Owner is made.
schema::Config missing_volatile(const schema::Devices& expanded, const schema::Config& expanded_config,
                                DeviceHost& host);

} // namespace devices
