#include <fmt/format.h>

#include "daemon/base/rollback.h"
#include "daemon/devices/types.h"
#include "schema/error.h"

namespace devices {

namespace {

/// The container's folder in its pool, where what it writes into the TPM stays.
std::string state_folder(const Owner& owner, const std::string& device) {
    return owner.rootfs.substr(0, owner.rootfs.find_last_of('/')) + "/tpm." + device;
}

std::string pid_file(const Owner& owner, const std::string& device) {
    return owner.devices_path + "/" + device + ".pid";
}

} // namespace

void Tpm::check_for_container() const {
    for (const auto* key : {"path", "pathrm"})
        if (option(key).empty())
            throw schema::bad_request("Failed to validate config: Invalid value for device option {}: Required value",
                                      fmt::format("{:?}", key));
}

std::vector<Node> Tpm::started(const Owner& owner, DeviceHost& host) const {
    const auto made = host.nodes().start_tpm(state_folder(owner, name()), pid_file(owner, name()));
    return {{option("path"), made.device}, {option("pathrm"), made.resource_manager}};
}

Start Tpm::start(const Owner& owner, DeviceHost& host, int) const {
    base::Rollback rollback;
    rollback.add([&] { stopped(owner, host); });
    auto start = start_nodes(owner, host, started(owner, host));
    rollback.dismiss();
    return start;
}

schema::Config Tpm::stopped(const Owner& owner, DeviceHost& host) const {
    NodeDevice::stopped(owner, host);
    host.nodes().stop_tpm(pid_file(owner, name()));
    return {};
}

schema::Config Tpm::attach(const Owner& owner, DeviceHost& host) const {
    base::Rollback rollback;
    rollback.add([&] { stopped(owner, host); });
    attach_nodes(owner, host, started(owner, host));
    rollback.dismiss();
    return {};
}

schema::Config Tpm::detach(const Owner& owner, DeviceHost& host) const {
    NodeDevice::detach(owner, host);
    host.nodes().stop_tpm(pid_file(owner, name()));
    return {};
}

} // namespace devices
