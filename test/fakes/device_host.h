#pragma once
// A host for devices that records what was done to it. Used by the tests of devices and of instances.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "daemon/devices/device.h"
#include "daemon/devices/volume_host.h"
#include "schema/error.h"
#include "test/fakes/network_host.h"
#include "test/fakes/node_host.h"

namespace fakes {

class FakeDeviceHost final : public devices::DeviceHost {
public:
    std::map<std::string, devices::PathKind> paths;
    std::set<std::string> staged;
    bool maps_ids = true;
    std::shared_ptr<Actions> record = std::make_shared<Actions>(); // of the network, too
    std::vector<std::string>& actions = record->list;
    std::string& fails_at = record->fails_at; // the action (its first word) that throws

    devices::PathKind kind_of(const std::string& path) override {
        const auto found = paths.find(path);
        return found == paths.end() ? devices::PathKind::missing : found->second;
    }
    void stage_mount(const std::string& source, const std::string& target, bool recursive,
                     const std::string& options) override {
        act("stage {} {}{}{}{}", source, target, recursive ? " recursive" : "", options.empty() ? "" : " ", options);
        staged.insert(target);
    }
    void stage_disk(const std::string& source, const std::string& target, const std::string& options) override {
        act("stage-disk {} {} {}", source, target, options);
        staged.insert(target);
    }
    void map_staged(const std::string& target, bool recursive, const schema::IdMap&) override {
        act("map {}{}", target, recursive ? " recursive" : "");
    }
    void unstage_mount(const std::string& target) override { staged.erase(target); }
    bool can_map_ids(const std::string&) override { return maps_ids; }

    FakeNetworkHost& network() override { return network_; }

    void attach_mount(const std::string& instance, const devices::MountOrder& order) override {
        std::string words;
        if (!order.propagation.empty()) words += " " + order.propagation;
        for (const auto& option : order.options) words += " " + option;
        act("mount {} {} {}{}{}{}{}", instance, order.source, order.target, order.read_only ? " ro" : "",
            order.recursive ? " recursive" : "", order.idmapped ? " idmapped" : "", words);
    }
    void detach_mount(const std::string& instance, const std::string& target) override {
        act("unmount {} {}", instance, target);
    }

    /// Counts up: different each time, the same in every run.
    std::string random_hex(size_t digits) override { return fmt::format("{:0{}x}", ++random_, digits); }

    FakeNodeHost& nodes() override { return node_host; }

    /// Volumes of any pool: whether they are to be mounted with the instance's map.
    class FakeVolumeHost final : public devices::VolumeHost {
    public:
        explicit FakeVolumeHost(FakeDeviceHost& host) : host_(host) {}
        std::map<std::string, bool> idmapped; // by "POOL/VOLUME"

        void check(const std::string& pool, const std::string& volume) override {
            if (!idmapped.contains(pool + "/" + volume))
                throw schema::bad_request("Failed loading custom volume: Storage volume not found");
        }
        std::string path(const std::string& pool, const std::string& volume) override {
            return "/pools/" + pool + "/custom/default_" + volume;
        }
        devices::VolumeUse use(const std::string& pool, const std::string& volume,
                               const devices::VolumeUser& user) override {
            host_.act("use {}/{} {} {}", pool, volume, user.instance, user.device);
            return {path(pool, volume), idmapped.at(pool + "/" + volume)};
        }
        void release(const std::string& pool, const std::string& volume, const devices::VolumeUser& user) override {
            host_.act("release {}/{} {} {}", pool, volume, user.instance, user.device);
        }

    private:
        FakeDeviceHost& host_;
    };
    FakeVolumeHost& volumes() override { return volume_host; }
    FakeVolumeHost volume_host{*this};
    FakeNodeHost node_host{actions};

private:
    template <class... Args> void act(fmt::format_string<Args...> text, Args&&... args) {
        record->act(fmt::format(text, std::forward<Args>(args)...));
    }

    FakeNetworkHost network_{record};
    unsigned random_ = 0;
};

} // namespace fakes
