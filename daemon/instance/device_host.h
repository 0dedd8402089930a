#pragma once
// The host as devices see it: files and mounts here, interfaces through the network room, running containers through
// the runtime. Built by daemon.cpp.

#include <map>
#include <mutex>

#include <sys/types.h>

#include "daemon/devices/device.h"
#include "daemon/instance/runtime.h"

namespace instance {

class RealDeviceHost final : public devices::DeviceHost {
public:
    /// `maps_ids`: whether the kernel has id-mapped mounts, and may use them.
    RealDeviceHost(Runtime& runtime, bool maps_ids) : runtime_(runtime), maps_ids_(maps_ids) {}

    devices::PathKind kind_of(const std::string& path) override;
    void stage_mount(const std::string& source, const std::string& staged, bool recursive) override;
    void unstage_mount(const std::string& staged) override;
    bool can_map_ids(const std::string& path) override;
    bool interface_exists(const std::string& name) override;
    int interface_mtu(const std::string& name) override;
    void create_veth(const devices::Veth& veth) override;
    void add_to_bridge(const std::string& name, const std::string& bridge) override;
    void set_up(const std::string& name) override;
    void disable_ipv6(const std::string& name) override;
    void remove_interface(const std::string& name) override;
    void attach_interface(const std::string& instance, const std::string& name, const std::string& inside) override;
    void attach_mount(const std::string& instance, const std::string& source, const std::string& target, bool read_only,
                      bool recursive, bool idmapped) override;
    void detach_mount(const std::string& instance, const std::string& target) override;
    std::string random_hex(size_t digits) override;

private:
    Runtime& runtime_;
    bool maps_ids_;
    std::mutex mutex_;
    std::map<dev_t, bool> mapping_filesystems_; // whose mounts were tried
};

} // namespace instance
