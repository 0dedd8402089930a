#pragma once
// The host as devices see it: files and mounts here, interfaces in network_host, running containers through the
// runtime. Built by daemon.cpp.

#include <map>
#include <mutex>

#include <sys/types.h>

#include "daemon/devices/device.h"
#include "daemon/devices/volume_host.h"
#include "daemon/instance/network_host.h"
#include "daemon/instance/node_host.h"
#include "daemon/instance/runtime.h"
#include "daemon/storage/mapped_mounts.h"

namespace instance {

class RealDeviceHost final : public devices::DeviceHost {
public:
    RealDeviceHost(Runtime& runtime, const base::HostFacts& facts, devices::VolumeHost& volumes)
        : runtime_(runtime), network_(runtime), nodes_(runtime, facts), volumes_(volumes),
          maps_ids_(facts.idmapped_mounts) {}

    devices::PathKind kind_of(const std::string& path) override;
    void stage_mount(const std::string& source, const std::string& staged, bool recursive,
                     const std::string& options) override;
    void stage_disk(const std::string& source, const std::string& staged, const std::string& options) override;
    void map_staged(const std::string& staged, bool recursive, const schema::IdMap& ids) override;
    void unstage_mount(const std::string& staged) override;
    bool can_map_ids(const std::string& path) override;
    devices::NetworkHost& network() override { return network_; }
    void attach_mount(const std::string& instance, const schema::MountOrder& order) override;
    void detach_mount(const std::string& instance, const std::string& target) override;
    std::string random_hex(size_t digits) override;
    devices::NodeHost& nodes() override { return nodes_; }
    devices::VolumeHost& volumes() override { return volumes_; }

private:
    Runtime& runtime_;
    RealNetworkHost network_;
    RealNodeHost nodes_;
    devices::VolumeHost& volumes_;
    bool maps_ids_; // whether the kernel has id-mapped mounts, and may use them
    storage::MappingNamespaces namespaces_;
    std::mutex mutex_;
    std::map<dev_t, bool> mapping_filesystems_; // whose mounts were tried
};

} // namespace instance
