#include "daemon/network/sriov.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/route/link.h>
#include <netlink/route/link/sriov.h>

#include "daemon/base/files.h"
#include "daemon/network/link.h"
#include "daemon/network/message.h"
#include "schema/error.h"
#include "schema/values.h"

namespace network {

namespace {

std::string device_file(const std::string& parent, const std::string& name) {
    return "/sys/class/net/" + parent + "/device/" + name;
}

int count_in(const std::string& path) {
    const auto text = base::read_file_if_exists(path);
    return text ? static_cast<int>(schema::parse_integer(base::trimmed(*text)).value_or(0)) : -1;
}

/// Empty where the function's interface is not on the host.
std::string interface_of(const std::string& parent, int id) {
    std::error_code missing;
    for (const auto& entry :
         std::filesystem::directory_iterator(device_file(parent, fmt::format("virtfn{}/net", id)), missing))
        return entry.path().filename();
    return {};
}

/// What the card has for a function.
void read_settings(const std::string& parent, VirtualFunction& function) {
    const Netlink netlink;
    rtnl_link* link = nullptr;
    if (rtnl_link_get_kernel(netlink.get(), 0, parent.c_str(), &link) < 0) return;
    const std::unique_ptr<rtnl_link, decltype(&rtnl_link_put)> owned(link, rtnl_link_put);
    rtnl_link_vf* found = rtnl_link_vf_get(link, static_cast<uint32_t>(function.id));
    if (found == nullptr) return;
    nl_addr* address = nullptr;
    char text[64];
    if (rtnl_link_vf_get_addr(found, &address) == 0) function.hwaddr = nl_addr2str(address, text, sizeof text);
    nl_vf_vlans_t* vlans = nullptr;
    if (rtnl_link_vf_get_vlans(found, &vlans) == 0) {
        if (vlans->size > 0) function.vlan = static_cast<int>(vlans->vlans[0].vf_vlan);
        rtnl_link_vf_vlan_put(vlans);
    }
    uint32_t spoof_check = 0;
    function.spoof_check = rtnl_link_vf_get_spoofchk(found, &spoof_check) == 0 && spoof_check != 0;
    rtnl_link_vf_put(found);
}

bool find_free(const std::string& parent, int count, VirtualFunction& function) {
    for (int id = 0; id < count; ++id) {
        const auto interface = interface_of(parent, id);
        const auto link = interface.empty() ? std::nullopt : find_link(interface);
        if (!link || link->up) continue;
        function.interface = interface;
        function.id = id;
        read_settings(parent, function);
        return true;
    }
    return false;
}

} // namespace

VirtualFunction free_virtual_function(const std::string& parent) {
    const int total = count_in(device_file(parent, "sriov_totalvfs"));
    const int count = count_in(device_file(parent, "sriov_numvfs"));
    if (total < 0 || count < 0) throw schema::failure("Parent device \"{}\" doesn't support SR-IOV", parent);
    VirtualFunction function;
    if (find_free(parent, count, function)) return function;
    // A card takes another number only when it has none yet.
    if (count == 0 && total > 0) {
        base::write_file(device_file(parent, "sriov_numvfs"), std::to_string(total));
        if (find_free(parent, total, function)) return function;
    }
    throw schema::failure("All virtual functions on parent device \"{}\" are already in use", parent);
}

void set_virtual_function(const std::string& parent, const VirtualFunction& wanted) {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(if_nametoindex(parent.c_str()));
    const auto id = static_cast<__u32>(wanted.id);
    ifla_vf_mac mac{};
    mac.vf = id;
    nl_addr* address = nullptr;
    if (!wanted.hwaddr.empty() && nl_addr_parse(wanted.hwaddr.c_str(), AF_LLC, &address) == 0) {
        std::copy_n(static_cast<const unsigned char*>(nl_addr_get_binary_addr(address)), nl_addr_get_len(address),
                    mac.mac);
        nl_addr_put(address);
    }
    Message message(RTM_SETLINK, 0, header);
    message.nest(IFLA_VFINFO_LIST, [&] {
        message.nest(IFLA_VF_INFO, [&] {
            message.put(IFLA_VF_VLAN, ifla_vf_vlan{id, static_cast<__u32>(wanted.vlan), 0});
            message.put(IFLA_VF_MAC, mac);
            message.put(IFLA_VF_SPOOFCHK, ifla_vf_spoofchk{id, wanted.spoof_check ? 1U : 0U});
        });
    });
    if (const int error = message.send(Netlink()); error < 0)
        throw schema::failure("Failed setting virtual function {} of \"{}\": {}", wanted.id, parent,
                              nl_geterror(error));
}

} // namespace network
