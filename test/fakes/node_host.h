#pragma once
// A host with device nodes that can be laid out, as the part of FakeDeviceHost that nodes are. Its actions are recorded
// among the others.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "daemon/devices/node_host.h"

namespace fakes {

class FakeNodeHost final : public devices::NodeHost {
public:
    explicit FakeNodeHost(std::vector<std::string>& actions) : actions_(actions) {}

    std::map<std::string, devices::FoundNode> found; // by path; a container's among them
    bool nested = false;
    std::map<std::string, int> controllers = {{"devices", 1}, {"blkio", 1}};
    std::map<std::string, std::string> cgroup;             // what files hold
    std::map<std::string, std::vector<std::string>> disks; // by path
    std::vector<devices::PluggedDevice> usb;
    std::vector<devices::PluggedDevice> plugged;
    schema::resources::Gpu cards;
    schema::resources::Network network;

    void has(const std::string& path, char kind, unsigned major, unsigned minor, unsigned mode = 0600) {
        found[path] = {path, {kind, major, minor}, mode};
    }

    std::optional<devices::FoundNode> find_node(const std::string& path) override {
        const auto row = found.find(path);
        return row == found.end() ? std::nullopt : std::optional(row->second);
    }
    bool may_make_nodes() override { return !nested; }
    void make_node(const devices::NewNode& node) override {
        actions_.push_back(fmt::format("node {} {} {}:{} {:o} {}:{}", node.file, node.numbers.kind, node.numbers.major,
                                       node.numbers.minor, node.mode, node.uid, node.gid));
        found[node.file] = {node.file, node.numbers, node.mode};
    }
    void remove_node(const std::string& file) override {
        if (found.erase(file) > 0) actions_.push_back("remove " + file);
    }
    std::vector<std::string> names_in(const std::string& folder) override {
        std::vector<std::string> names;
        for (const auto& [path, node] : found)
            if (path.starts_with(folder + "/")) names.push_back(path.substr(folder.size() + 1));
        return names;
    }
    int cgroup_version(const std::string& controller) override {
        const auto row = controllers.find(controller);
        return row == controllers.end() ? 0 : row->second;
    }
    void set_cgroup(const std::string& instance, const std::string& file, const std::string& value) override {
        actions_.push_back(fmt::format("cgroup {} {} {}", instance, file, value));
    }
    std::string get_cgroup(const std::string&, const std::string& file) override { return cgroup[file]; }
    std::vector<std::string> disks_of(const std::string& path) override { return disks[path]; }
    std::vector<devices::PluggedDevice> usb_devices() override { return usb; }
    std::vector<devices::PluggedDevice> udev_devices() override { return plugged; }
    schema::resources::Gpu gpus() override { return cards; }
    schema::resources::Network network_cards() override { return network; }
    devices::TpmNodes start_tpm(const std::string& state_folder, const std::string&) override {
        actions_.push_back("start-tpm " + state_folder);
        return {{"/dev/tpm1", {'c', 253, 1}, 0660}, {"/dev/tpmrm1", {'c', 253, 65537}, 0660}};
    }
    void stop_tpm(const std::string& pid_file) override { actions_.push_back("stop-tpm " + pid_file); }

private:
    std::vector<std::string>& actions_;
};

} // namespace fakes
