#pragma once
// A host for devices that records what was done to it. Used by the tests of devices and of instances.

#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "daemon/devices/device.h"
#include "schema/error.h"

namespace fakes {

class FakeDeviceHost final : public devices::DeviceHost {
public:
    std::map<std::string, devices::PathKind> paths;
    std::map<std::string, int> interfaces; // name -> MTU
    std::set<std::string> staged;
    bool maps_ids = true;
    std::vector<std::string> actions;
    std::string fails_at; // the action (its first word) that throws

    devices::PathKind kind_of(const std::string& path) override {
        const auto found = paths.find(path);
        return found == paths.end() ? devices::PathKind::missing : found->second;
    }
    void stage_mount(const std::string& source, const std::string& target, bool recursive) override {
        act("stage {} {}{}", source, target, recursive ? " recursive" : "");
        staged.insert(target);
    }
    void unstage_mount(const std::string& target) override { staged.erase(target); }
    bool can_map_ids(const std::string&) override { return maps_ids; }

    bool interface_exists(const std::string& name) override { return interfaces.contains(name); }
    int interface_mtu(const std::string& name) override { return interfaces.at(name); }
    void create_veth(const devices::Veth& veth) override {
        act("veth {} {} {} {}", veth.host_name, veth.peer, veth.hwaddr, veth.mtu);
        interfaces[veth.host_name] = interfaces[veth.peer] = veth.mtu;
        peers_[veth.host_name] = veth.peer;
    }
    void add_to_bridge(const std::string& name, const std::string& bridge) override {
        act("bridge {} {}", name, bridge);
    }
    void set_up(const std::string& name) override { act("up {}", name); }
    void disable_ipv6(const std::string& name) override { actions.push_back("no-ipv6 " + name); }
    void remove_interface(const std::string& name) override {
        interfaces.erase(name);
        interfaces.erase(peers_[name]);
    }

    void attach_interface(const std::string& instance, const std::string& name, const std::string& inside) override {
        act("attach {} {} {}", instance, name, inside);
        interfaces.erase(name);
    }
    void attach_mount(const std::string& instance, const std::string& source, const std::string& target, bool read_only,
                      bool recursive, bool idmapped) override {
        act("mount {} {} {}{}{}{}", instance, source, target, read_only ? " ro" : "", recursive ? " recursive" : "",
            idmapped ? " idmapped" : "");
    }
    void detach_mount(const std::string& instance, const std::string& target) override {
        act("unmount {} {}", instance, target);
    }

    /// Counts up: different each time, the same in every run.
    std::string random_hex(size_t digits) override { return fmt::format("{:0{}x}", ++random_, digits); }

private:
    template <class... Args> void act(fmt::format_string<Args...> text, Args&&... args) {
        auto action = fmt::format(text, std::forward<Args>(args)...);
        if (!fails_at.empty() && action.starts_with(fails_at + " "))
            throw schema::failure("The host failed: {}", action);
        actions.push_back(std::move(action));
    }

    std::map<std::string, std::string> peers_;
    unsigned random_ = 0;
};

} // namespace fakes
