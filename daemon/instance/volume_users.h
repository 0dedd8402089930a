#pragma once
// Between custom volumes and the instances that have them among their devices: the devices' VolumeHost, and what a
// volume's new place means to its users. Built by daemon.cpp; the API's handlers call `change`.

#include <functional>
#include <string>

#include "daemon/devices/device.h"
#include "daemon/devices/volume_host.h"
#include "daemon/instance/registry.h"
#include "daemon/state/instances.h"
#include "daemon/storage/volumes.h"

namespace instance {

class VolumeUsers final : public devices::VolumeHost {
public:
    VolumeUsers(storage::Volumes& volumes, Registry& instances, state::Instances& rows, devices::DeviceHost& host)
        : volumes_(volumes), instances_(instances), rows_(rows), host_(host) {}

    void check(const std::string& pool, const std::string& volume) override;
    std::string path(const std::string& pool, const std::string& volume) override {
        return volumes_.path({pool, volume});
    }
    devices::VolumeUse use(const std::string& pool, const std::string& volume,
                           const devices::VolumeUser& user) override;
    void release(const std::string& pool, const std::string& volume, const devices::VolumeUser& user) override;

    /// Runs `work`, which may change the place of the volume in the rows of its users, while nobody else changes these,
    /// and has them know their rows.
    void change(const storage::VolumePlace& volume, const std::function<void()>& work);

private:
    void check_others(const storage::VolumePlace& volume, const devices::VolumeUser& user) const;

    storage::Volumes& volumes_;
    Registry& instances_;
    state::Instances& rows_;
    devices::DeviceHost& host_;
};

} // namespace instance
