#include "daemon/network/route.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>

#include "daemon/network/message.h"
#include "schema/error.h"

namespace network {

namespace {

struct ParsedAddress {
    int family = AF_INET;
    unsigned char bytes[sizeof(in6_addr)] = {};
    unsigned size = sizeof(in_addr);
    unsigned char prefix = 32;
};

ParsedAddress parse(const std::string& text) {
    ParsedAddress result;
    if (text == "default" || text == "default6") {
        if (text == "default6") result = {AF_INET6, {}, sizeof(in6_addr), 0};
        result.prefix = 0;
        return result;
    }
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    if (address.find(':') != std::string::npos) result = {AF_INET6, {}, sizeof(in6_addr), 128};
    if (slash != std::string::npos) result.prefix = static_cast<unsigned char>(std::stoi(text.substr(slash + 1)));
    if (inet_pton(result.family, address.c_str(), result.bytes) != 1)
        throw schema::failure("Invalid address \"{}\"", text);
    return result;
}

int send_route(const Netlink& netlink, int type, int flags, int interface, const Route& route) {
    const auto network = parse(route.network);
    rtmsg header{};
    header.rtm_family = static_cast<unsigned char>(network.family);
    header.rtm_dst_len = network.prefix;
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_BOOT;
    header.rtm_type = RTN_UNICAST;
    header.rtm_scope = route.via.empty() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    if (type == RTM_DELROUTE) header.rtm_scope = RT_SCOPE_NOWHERE;
    Message message(type, flags, header);
    if (network.prefix > 0) message.bytes(RTA_DST, network.bytes, network.size);
    if (!route.via.empty()) {
        const auto via = parse(route.via);
        message.bytes(RTA_GATEWAY, via.bytes, via.size);
    }
    message.put(RTA_OIF, static_cast<uint32_t>(interface));
    if (route.table != 0) message.put(RTA_TABLE, route.table);
    return message.send(netlink);
}

int send_neighbour(int type, int flags, const std::string& interface, const std::string& text) {
    const auto address = parse(text);
    ndmsg header{};
    header.ndm_family = static_cast<unsigned char>(address.family);
    header.ndm_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    header.ndm_flags = NTF_PROXY;
    header.ndm_state = NUD_PERMANENT;
    Message message(type, flags, header);
    message.bytes(NDA_DST, address.bytes, address.size);
    return message.send(Netlink());
}

int index_of(const std::string& interface) {
    return static_cast<int>(if_nametoindex(interface.c_str()));
}

} // namespace

void add_address(const Netlink& netlink, int interface, const std::string& text) {
    const auto address = parse(text);
    ifaddrmsg header{};
    header.ifa_family = static_cast<unsigned char>(address.family);
    header.ifa_prefixlen = address.prefix;
    header.ifa_flags = address.family == AF_INET6 ? IFA_F_NODAD : 0; // nobody else can be asked
    header.ifa_index = static_cast<unsigned>(interface);
    Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header);
    message.bytes(IFA_LOCAL, address.bytes, address.size).bytes(IFA_ADDRESS, address.bytes, address.size);
    if (const int error = message.send(netlink); error < 0)
        throw schema::failure("Failed adding address \"{}\": {}", text, nl_geterror(error));
}

void add_route(const Netlink& netlink, int interface, const Route& route) {
    const int error = send_route(netlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, interface, route);
    if (error == -NLE_EXIST && route.network.starts_with("default")) return;
    if (error < 0)
        throw schema::failure("Failed adding route \"{}\" to interface \"{}\": {}", route.network, route.interface,
                              nl_geterror(error));
}

void add_address(const std::string& interface, const std::string& address) {
    add_address(Netlink(), index_of(interface), address);
}

void add_route(const Route& route) {
    add_route(Netlink(), index_of(route.interface), route);
}

void remove_route(const Route& route) {
    const int index = index_of(route.interface);
    if (index != 0) send_route(Netlink(), RTM_DELROUTE, 0, index, route);
}

void add_neighbour_proxy(const std::string& interface, const std::string& address) {
    if (const int error = send_neighbour(RTM_NEWNEIGH, NLM_F_CREATE, interface, address); error < 0)
        throw schema::failure("Failed adding neighbour proxy \"{}\" to \"{}\": {}", address, interface,
                              nl_geterror(error));
}

void remove_neighbour_proxy(const std::string& interface, const std::string& address) {
    if (if_nametoindex(interface.c_str()) != 0) send_neighbour(RTM_DELNEIGH, 0, interface, address);
}

} // namespace network
