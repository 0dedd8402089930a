#include "daemon/network/link.h"

#include <memory>

#include <linux/if_vlan.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/route/link.h>
#include <netlink/route/link/ipvlan.h>
#include <netlink/route/link/macvlan.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/link/vlan.h>

#include "daemon/base/crypto.h"
#include "daemon/network/netlink.h"
#include "schema/error.h"

namespace network {

namespace {

struct PutLink {
    void operator()(rtnl_link* link) const noexcept { rtnl_link_put(link); }
};
using LinkObject = std::unique_ptr<rtnl_link, PutLink>;

LinkObject new_link() {
    LinkObject link(rtnl_link_alloc());
    if (!link) throw std::bad_alloc();
    return link;
}

void set_address(rtnl_link* link, const std::string& hwaddr) {
    nl_addr* address = nullptr;
    if (const int error = nl_addr_parse(hwaddr.c_str(), AF_LLC, &address); error < 0) {
        throw schema::bad_request("Invalid hardware address \"{}\"", hwaddr);
    }
    rtnl_link_set_addr(link, address);
    nl_addr_put(address);
}

/// Asks for one interface by its name; nothing where there is none.
LinkObject fetch(const Netlink& netlink, const std::string& name) {
    rtnl_link* found = nullptr;
    const int error = rtnl_link_get_kernel(netlink.get(), 0, name.c_str(), &found);
    if (error == -NLE_OBJ_NOTFOUND || error == -NLE_NODEV) return nullptr;
    if (error < 0) throw schema::failure("Failed looking for interface \"{}\": {}", name, nl_geterror(error));
    return LinkObject(found);
}

/// Applies `changes` to an interface; `attempt` is what the message says was tried.
void change(const std::string& name, rtnl_link* changes, const std::string& attempt) {
    const Netlink netlink;
    const auto link = fetch(netlink, name);
    if (!link) throw schema::failure("Failed {}: no interface \"{}\"", attempt, name);
    if (const int error = rtnl_link_change(netlink.get(), link.get(), changes, 0); error < 0) {
        throw schema::failure("Failed {}: {}", attempt, nl_geterror(error));
    }
}

using Allocate = rtnl_link* (*)();

/// A new interface on top of another one.
LinkObject new_upper(Allocate allocate, const std::string& name, const std::string& parent) {
    LinkObject link(allocate());
    if (!link) throw std::bad_alloc();
    const auto index = if_nametoindex(parent.c_str());
    if (index == 0) throw schema::failure("Failed creating interface \"{}\": no interface \"{}\"", name, parent);
    rtnl_link_set_name(link.get(), name.c_str());
    rtnl_link_set_link(link.get(), static_cast<int>(index));
    return link;
}

void add(rtnl_link* link, const std::string& kind, const std::string& name) {
    const Netlink netlink;
    const int error = rtnl_link_add(netlink.get(), link, NLM_F_CREATE | NLM_F_EXCL);
    if (error == -NLE_OPNOTSUPP)
        throw schema::failure("Failed creating the {} interface \"{}\": the kernel has no {}", kind, name, kind);
    if (error < 0) throw schema::failure("Failed creating the {} interface \"{}\": {}", kind, name, nl_geterror(error));
}

} // namespace

std::optional<Link> find_link(const std::string& name) {
    const Netlink netlink;
    const auto link = fetch(netlink, name);
    if (!link) return {};
    Link found;
    found.index = rtnl_link_get_ifindex(link.get());
    found.mtu = static_cast<int>(rtnl_link_get_mtu(link.get()));
    found.up = (rtnl_link_get_flags(link.get()) & IFF_UP) != 0;
    found.master = rtnl_link_get_master(link.get());
    if (const char* kind = rtnl_link_get_type(link.get()); kind != nullptr) found.kind = kind;
    char text[64];
    if (nl_addr* address = rtnl_link_get_addr(link.get()); address != nullptr && nl_addr_get_len(address) > 0) {
        found.hwaddr = nl_addr2str(address, text, sizeof text);
    }
    return found;
}

bool link_exists(const std::string& name) {
    return if_nametoindex(name.c_str()) != 0;
}

void create_veth(const std::string& name, const std::string& peer, const VethOptions& options) {
    const LinkObject link(rtnl_link_veth_alloc());
    if (!link) throw std::bad_alloc();
    rtnl_link_set_name(link.get(), name.c_str());
    const LinkObject other(rtnl_link_veth_get_peer(link.get()));
    rtnl_link_set_name(other.get(), peer.c_str());
    if (!options.hwaddr.empty()) set_address(other.get(), options.hwaddr);
    if (options.mtu > 0) {
        rtnl_link_set_mtu(link.get(), static_cast<unsigned>(options.mtu));
        rtnl_link_set_mtu(other.get(), static_cast<unsigned>(options.mtu));
    }
    const Netlink netlink;
    if (const int error = rtnl_link_add(netlink.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL); error < 0) {
        throw schema::failure("Failed creating the veth interfaces \"{}\" and \"{}\": {}", name, peer,
                              nl_geterror(error));
    }
}

void create_link(const std::string& name, const std::string& kind) {
    const auto link = new_link();
    rtnl_link_set_name(link.get(), name.c_str());
    rtnl_link_set_type(link.get(), kind.c_str());
    add(link.get(), kind, name);
}

void create_macvlan(const std::string& name, const std::string& parent, const MacvlanOptions& options) {
    const auto link = new_upper(rtnl_link_macvlan_alloc, name, parent);
    rtnl_link_macvlan_set_mode(link.get(), rtnl_link_macvlan_str2mode("bridge"));
    if (!options.hwaddr.empty()) set_address(link.get(), options.hwaddr);
    if (options.mtu > 0) rtnl_link_set_mtu(link.get(), static_cast<unsigned>(options.mtu));
    add(link.get(), "macvlan", name);
}

void create_vlan(const std::string& name, const std::string& parent, int id, bool gvrp) {
    const auto link = new_upper(rtnl_link_vlan_alloc, name, parent);
    rtnl_link_vlan_set_id(link.get(), static_cast<uint16_t>(id));
    if (gvrp) rtnl_link_vlan_set_flags(link.get(), VLAN_FLAG_GVRP);
    add(link.get(), "vlan", name);
}

void check_ipvlan(const std::string& parent) {
    const auto name = "ipv" + base::random_hex(5);
    const auto link = new_upper(rtnl_link_ipvlan_alloc, name, parent);
    rtnl_link_ipvlan_set_mode(link.get(), rtnl_link_ipvlan_str2mode("l2"));
    add(link.get(), "ipvlan", name);
    remove_link(name);
}

void set_master(const std::string& name, const std::string& bridge) {
    const auto attempt = fmt::format("adding interface \"{}\" to bridge \"{}\"", name, bridge);
    const auto index = if_nametoindex(bridge.c_str());
    if (index == 0) throw schema::failure("Failed {}: no interface \"{}\"", attempt, bridge);
    const auto changes = new_link();
    rtnl_link_set_master(changes.get(), static_cast<int>(index));
    change(name, changes.get(), attempt);
}

void clear_master(const std::string& name) {
    const auto changes = new_link();
    rtnl_link_set_master(changes.get(), 0);
    change(name, changes.get(), fmt::format("taking interface \"{}\" out of its bridge", name));
}

void set_up(const std::string& name) {
    const auto changes = new_link();
    rtnl_link_set_flags(changes.get(), IFF_UP);
    change(name, changes.get(), fmt::format("bringing interface \"{}\" up", name));
}

int set_up_in(const Netlink& netlink, const std::string& name) {
    const auto link = fetch(netlink, name);
    if (!link) throw schema::failure("Failed bringing interface \"{0}\" up: no interface \"{0}\"", name);
    const auto changes = new_link();
    rtnl_link_set_flags(changes.get(), IFF_UP);
    if (const int error = rtnl_link_change(netlink.get(), link.get(), changes.get(), 0); error < 0)
        throw schema::failure("Failed bringing interface \"{}\" up: {}", name, nl_geterror(error));
    return rtnl_link_get_ifindex(link.get());
}

void set_down(const std::string& name) {
    const auto changes = new_link();
    rtnl_link_unset_flags(changes.get(), IFF_UP);
    change(name, changes.get(), fmt::format("taking interface \"{}\" down", name));
}

void set_mtu(const std::string& name, int mtu) {
    const auto changes = new_link();
    rtnl_link_set_mtu(changes.get(), static_cast<unsigned>(mtu));
    change(name, changes.get(), fmt::format("setting the MTU of interface \"{}\" to {}", name, mtu));
}

void set_hwaddr(const std::string& name, const std::string& hwaddr) {
    const auto changes = new_link();
    set_address(changes.get(), hwaddr);
    change(name, changes.get(), fmt::format("setting the address of interface \"{}\" to {}", name, hwaddr));
}

void rename_link(const std::string& name, const std::string& new_name) {
    const auto changes = new_link();
    rtnl_link_set_name(changes.get(), new_name.c_str());
    change(name, changes.get(), fmt::format("renaming interface \"{}\" to \"{}\"", name, new_name));
}

void move_link(const std::string& name, pid_t pid, const std::string& inside) {
    const auto changes = new_link();
    rtnl_link_set_name(changes.get(), inside.c_str());
    rtnl_link_set_ns_pid(changes.get(), pid);
    change(name, changes.get(), fmt::format("moving interface \"{}\" to process {} as \"{}\"", name, pid, inside));
}

void remove_link(const std::string& name) {
    const Netlink netlink;
    const auto link = fetch(netlink, name);
    if (!link) return;
    const int error = rtnl_link_delete(netlink.get(), link.get());
    if (error < 0 && error != -NLE_OBJ_NOTFOUND && error != -NLE_NODEV) {
        throw schema::failure("Failed deleting interface \"{}\": {}", name, nl_geterror(error));
    }
}

} // namespace network
