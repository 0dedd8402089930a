#include "daemon/network/bridge_port.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>

#include "daemon/base/files.h"
#include "daemon/network/message.h"
#include "schema/error.h"

namespace network {

namespace {

void set_flag(const std::string& port, const std::string& flag) {
    try {
        base::write_file(fmt::format("/sys/class/net/{}/brport/{}", port, flag), "1");
    } catch (const std::exception& error) {
        throw schema::failure("Failed setting {} of bridge port \"{}\": {}", flag, port, error.what());
    }
}

std::string bridge_setting(const std::string& bridge, const std::string& name) {
    const auto text = base::read_file_if_exists(fmt::format("/sys/class/net/{}/bridge/{}", bridge, name));
    return std::string(base::trimmed(text.value_or("")));
}

void change_vlan(const std::string& port, int type, int vlan, int flags) {
    ifinfomsg header{};
    header.ifi_family = AF_BRIDGE;
    header.ifi_index = static_cast<int>(if_nametoindex(port.c_str()));
    Message message(type, 0, header);
    message.nest(IFLA_AF_SPEC, [&] {
        bridge_vlan_info info{};
        info.vid = static_cast<__u16>(vlan);
        info.flags = static_cast<__u16>(flags);
        message.put(IFLA_BRIDGE_VLAN_INFO, info);
    });
    if (const int error = message.send(Netlink()); error < 0)
        throw schema::failure("Failed changing VLAN {} of bridge port \"{}\": {}", vlan, port, nl_geterror(error));
}

} // namespace

std::string bridge_netfilter_lack(bool ipv6) {
    const std::string name = ipv6 ? "bridge-nf-call-ip6tables" : "bridge-nf-call-iptables";
    const auto value = base::read_file_if_exists("/proc/sys/net/bridge/" + name);
    if (!value) return "br_netfilter kernel module not loaded";
    return base::trimmed(*value) == "1" ? "" : fmt::format("sysctl net.bridge.{} not enabled", name);
}

void isolate_port(const std::string& port) {
    set_flag(port, "isolated");
}

void reflect_port(const std::string& port) {
    set_flag(port, "hairpin_mode");
}

void join_vlans(const std::string& port, const std::string& bridge, const std::string& untagged,
                const std::vector<int>& tagged) {
    if (bridge_setting(bridge, "vlan_filtering") != "1")
        throw schema::failure("VLAN filtering is not enabled in parent bridge \"{}\"", bridge);
    if (!untagged.empty()) {
        const auto usual = bridge_setting(bridge, "default_pvid");
        if (!usual.empty() && usual != "0" && usual != untagged) change_vlan(port, RTM_DELLINK, std::stoi(usual), 0);
        if (untagged != "none")
            change_vlan(port, RTM_SETLINK, std::stoi(untagged), BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
    }
    for (const int vlan : tagged) change_vlan(port, RTM_SETLINK, vlan, 0);
}

} // namespace network
