#pragma once
// Nodes, disks and plugged devices of the host, for devices; a part of RealDeviceHost.

#include <string>
#include <vector>

#include "daemon/base/host_facts.h"
#include "daemon/devices/node_host.h"
#include "daemon/instance/runtime.h"

namespace instance {

class RealNodeHost final : public devices::NodeHost {
public:
    RealNodeHost(Runtime& runtime, const base::HostFacts& facts) : runtime_(runtime), facts_(facts) {}

    std::optional<devices::FoundNode> find_node(const std::string& path) override;
    bool may_make_nodes() override { return !facts_.in_user_namespace; }
    void make_node(const devices::NewNode& node) override;
    void remove_node(const std::string& file) override;
    std::vector<std::string> names_in(const std::string& folder) override;
    int cgroup_version(const std::string& controller) override { return facts_.cgroup.version(controller); }
    void set_cgroup(const std::string& instance, const std::string& file, const std::string& value) override;
    std::string get_cgroup(const std::string& instance, const std::string& file) override;
    std::vector<std::string> disks_of(const std::string& path) override;
    std::vector<devices::PluggedDevice> usb_devices() override;
    std::vector<devices::PluggedDevice> udev_devices() override;
    schema::resources::Gpu gpus() override;
    schema::resources::Network network_cards() override;
    devices::TpmNodes start_tpm(const std::string& state_folder, const std::string& pid_file) override;
    void stop_tpm(const std::string& pid_file) override;

private:
    Runtime& runtime_;
    const base::HostFacts& facts_;
};

} // namespace instance
