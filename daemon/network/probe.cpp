#include "daemon/network/probe.h"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "daemon/base/fd.h"

namespace network {

namespace {

using Clock = std::chrono::steady_clock;

/// Calls `is_answer` for what arrives until it says yes or time is up.
template <class Check> bool await(const base::Fd& socket, std::chrono::milliseconds wait, Check is_answer) {
    const auto end = Clock::now() + wait;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
        pollfd ready{socket.get(), POLLIN, 0};
        if (left.count() < 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return false;
        if (is_answer()) return true;
    }
}

bool is_arp_answered(const std::string& interface, const in_addr& address, std::chrono::milliseconds wait) {
    const base::Fd socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ARP)));
    ifreq own{};
    std::strncpy(own.ifr_name, interface.c_str(), IFNAMSIZ - 1);
    if (!socket || ::ioctl(socket.get(), SIOCGIFHWADDR, &own) != 0) return false;
    sockaddr_ll all{};
    all.sll_family = AF_PACKET;
    all.sll_protocol = htons(ETH_P_ARP);
    all.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    all.sll_halen = ETH_ALEN;
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&all), sizeof all) != 0) return false;
    std::memset(all.sll_addr, 0xff, ETH_ALEN);

    ether_arp question{}; // without a sender's address: who hears it need not remember us
    question.arp_hrd = htons(ARPHRD_ETHER);
    question.arp_pro = htons(ETH_P_IP);
    question.arp_hln = ETH_ALEN;
    question.arp_pln = sizeof address;
    question.arp_op = htons(ARPOP_REQUEST);
    std::memcpy(question.arp_sha, own.ifr_hwaddr.sa_data, ETH_ALEN);
    std::memcpy(question.arp_tpa, &address, sizeof address);
    if (::sendto(socket.get(), &question, sizeof question, 0, reinterpret_cast<sockaddr*>(&all), sizeof all) < 0)
        return false;
    return await(socket, wait, [&] {
        ether_arp answer{};
        return ::recv(socket.get(), &answer, sizeof answer, MSG_DONTWAIT) == static_cast<ssize_t>(sizeof answer) &&
               answer.arp_op == htons(ARPOP_REPLY) && std::memcmp(answer.arp_spa, &address, sizeof address) == 0;
    });
}

bool is_solicitation_answered(const std::string& interface, const in6_addr& address, std::chrono::milliseconds wait) {
    const base::Fd socket(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6));
    const int index = static_cast<int>(if_nametoindex(interface.c_str()));
    const int hops = 255;
    icmp6_filter filter{};
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
    if (!socket || ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops) != 0 ||
        ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index) != 0 ||
        ::setsockopt(socket.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) != 0)
        return false;
    sockaddr_in6 group{};
    group.sin6_family = AF_INET6;
    group.sin6_scope_id = static_cast<uint32_t>(index);
    inet_pton(AF_INET6, "ff02::1:ff00:0", &group.sin6_addr);
    std::memcpy(&group.sin6_addr.s6_addr[13], &address.s6_addr[13], 3);
    nd_neighbor_solicit question{};
    question.nd_ns_type = ND_NEIGHBOR_SOLICIT;
    question.nd_ns_target = address;
    if (::sendto(socket.get(), &question, sizeof question, 0, reinterpret_cast<sockaddr*>(&group), sizeof group) < 0)
        return false;
    return await(socket, wait, [&] {
        nd_neighbor_advert answer{};
        return ::recv(socket.get(), &answer, sizeof answer, MSG_DONTWAIT) >= static_cast<ssize_t>(sizeof answer) &&
               IN6_ARE_ADDR_EQUAL(&answer.nd_na_target, &address);
    });
}

} // namespace

bool is_address_taken(const std::string& interface, const std::string& text, std::chrono::milliseconds wait) {
    in_addr four{};
    if (inet_pton(AF_INET, text.c_str(), &four) == 1) return is_arp_answered(interface, four, wait);
    in6_addr six{};
    return inet_pton(AF_INET6, text.c_str(), &six) == 1 && is_solicitation_answered(interface, six, wait);
}

} // namespace network
