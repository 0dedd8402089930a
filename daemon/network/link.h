#pragma once
// Changes to network interfaces of our own namespace, for nic devices. All throw schema::failure that names the
// interface and the cause. None blocks for longer than the kernel needs.

#include <optional>
#include <string>

#include <sys/types.h>

namespace network {

class Netlink;

struct Link {
    int index = 0;
    int mtu = 0;
    bool up = false;
    std::string hwaddr; // empty where it has none
    std::string kind;   // "veth", "bridge"; empty for a physical one
    int master = 0;     // index of the bridge it is in; 0: none
};

std::optional<Link> find_link(const std::string& name);
bool link_exists(const std::string& name);

struct VethOptions {
    std::string hwaddr; // of the peer: it is the container's end; empty: random
    int mtu = 0;        // of both ends; 0: the kernel's default
};
/// Both ends are made in our namespace and are down.
void create_veth(const std::string& name, const std::string& peer, const VethOptions& options = {});
/// One that needs no more than its kind; it is down.
void create_link(const std::string& name, const std::string& kind);
struct MacvlanOptions {
    std::string hwaddr; // empty: random
    int mtu = 0;        // 0: the parent's
};
/// In bridge mode; it is down.
void create_macvlan(const std::string& name, const std::string& parent, const MacvlanOptions& options = {});
/// Frames of one VLAN of the parent.
void create_vlan(const std::string& name, const std::string& parent, int id, bool gvrp);
/// Throws what the kernel says where it cannot make an ipvlan on the parent; leaves nothing.
void check_ipvlan(const std::string& parent);
/// Puts an interface into a bridge.
void set_master(const std::string& name, const std::string& bridge);
void clear_master(const std::string& name);
void set_up(const std::string& name);
/// In the socket's namespace; returns the interface's index there.
int set_up_in(const Netlink& netlink, const std::string& name);
void set_down(const std::string& name);
void set_mtu(const std::string& name, int mtu);
void set_hwaddr(const std::string& name, const std::string& hwaddr);
/// The interface must be down.
void rename_link(const std::string& name, const std::string& new_name);
/// Into the network namespace of a process, where it is called `inside`. It arrives down.
void move_link(const std::string& name, pid_t pid, const std::string& inside);
/// A missing interface is not an error: a veth goes with its other end.
void remove_link(const std::string& name);

} // namespace network
