#include "lxcwrap/features.h"

#include <array>

#include <lxc/lxccontainer.h>

namespace lxcwrap {

namespace {

// What LXD asks about; its environment block shows these and no others.
constexpr std::array reported = {"mount_injection_file",
                                 "seccomp_notify",
                                 "network_ipvlan",
                                 "network_l2proxy",
                                 "network_gateway_device_route",
                                 "network_phys_macvlan_mtu",
                                 "network_veth_router",
                                 "cgroup2",
                                 "pidfd",
                                 "seccomp_allow_deny_syntax",
                                 "devpts_fd",
                                 "seccomp_proxy_send_notify_fd",
                                 "idmapped_mounts_v2",
                                 "core_scheduling"};

} // namespace

bool has_api_extension(const std::string& name) {
    return lxc_has_api_extension(name.c_str());
}

bool item_is_supported(const std::string& key) {
    return lxc_config_item_is_supported(key.c_str());
}

std::map<std::string, bool> features() {
    std::map<std::string, bool> result;
    for (const char* name : reported) result.emplace(name, lxc_has_api_extension(name));
    return result;
}

} // namespace lxcwrap
