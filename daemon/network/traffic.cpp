#include "daemon/network/traffic.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <netlink/errno.h>

#include "daemon/base/crypto.h"
#include "daemon/network/link.h"
#include "daemon/network/message.h"
#include "schema/error.h"

namespace network {

namespace {

constexpr uint32_t root_handle = 0x10000;  // 1:
constexpr uint32_t class_handle = 0x10010; // 1:10
constexpr uint32_t ingress_handle = 0xffff0000;
constexpr uint16_t filter_priority = 1;
/// The kernel's scheduler counts in steps of 64 ns.
constexpr int64_t tick_ns = 64;

tcmsg header(unsigned index, uint32_t parent, uint32_t handle = 0) {
    tcmsg message{};
    message.tcm_family = AF_UNSPEC;
    message.tcm_ifindex = static_cast<int>(index);
    message.tcm_parent = parent;
    message.tcm_handle = handle;
    return message;
}

constexpr int make_flags = NLM_F_CREATE | NLM_F_EXCL;

/// Bytes per second that fit the field; what does not goes into a field of its own.
uint32_t rate_field(int64_t bytes) {
    return static_cast<uint32_t>(std::min<int64_t>(bytes, UINT32_MAX));
}

uint32_t ticks(int64_t bytes, int64_t rate) {
    const double needed = static_cast<double>(bytes) / static_cast<double>(rate) * 1e9 / tick_ns;
    return static_cast<uint32_t>(std::min(needed, 4e9));
}

int add_htb(const Netlink& netlink, unsigned index) {
    Message request(RTM_NEWQDISC, make_flags, header(index, TC_H_ROOT, root_handle));
    request.text(TCA_KIND, "htb");
    request.nest(TCA_OPTIONS, [&] {
        tc_htb_glob options{};
        options.version = 3;
        options.rate2quantum = 10;
        options.defcls = TC_H_MIN(class_handle);
        request.put(TCA_HTB_INIT, options);
    });
    return request.send(netlink);
}

int add_htb_class(const Netlink& netlink, unsigned index, int64_t rate) {
    Message request(RTM_NEWTCLASS, make_flags, header(index, root_handle, class_handle));
    request.text(TCA_KIND, "htb");
    request.nest(TCA_OPTIONS, [&] {
        tc_htb_opt options{};
        options.rate.rate = options.ceil.rate = rate_field(rate);
        options.rate.linklayer = options.ceil.linklayer = TC_LINKLAYER_ETHERNET;
        // What may be sent at once: a hundredth of a second's worth, and never less than one large packet.
        options.buffer = options.cbuffer = ticks(std::max<int64_t>(rate / 100, 16384), rate);
        options.quantum = static_cast<uint32_t>(std::clamp<int64_t>(rate / 10, 1600, 60000));
        request.put(TCA_HTB_PARMS, options);
        if (rate > UINT32_MAX) {
            request.put(TCA_HTB_RATE64, static_cast<uint64_t>(rate));
            request.put(TCA_HTB_CEIL64, static_cast<uint64_t>(rate));
        }
    });
    return request.send(netlink);
}

int add_ingress(const Netlink& netlink, unsigned index) {
    Message request(RTM_NEWQDISC, make_flags, header(index, TC_H_INGRESS, ingress_handle));
    request.text(TCA_KIND, "ingress");
    return request.send(netlink);
}

/// A filter for every packet that arrives, with one action.
template <class Fill> int add_filter(const Netlink& netlink, unsigned index, const char* action, Fill fill) {
    auto about = header(index, ingress_handle);
    about.tcm_info = TC_H_MAKE(static_cast<uint32_t>(filter_priority) << 16U, htons(ETH_P_ALL));
    Message request(RTM_NEWTFILTER, make_flags, about);
    request.text(TCA_KIND, "u32");
    request.nest(TCA_OPTIONS, [&] {
        tc_u32_sel selector{};
        selector.flags = TC_U32_TERMINAL;
        selector.nkeys = 1;
        // One key follows, of no bits: it always matches.
        char match[sizeof selector + sizeof(tc_u32_key)] = {};
        std::memcpy(match, &selector, sizeof selector);
        request.put(TCA_U32_SEL, match);
        request.nest(TCA_U32_ACT, [&] {
            request.nest(1, [&] {
                request.text(TCA_ACT_KIND, action);
                request.nest(TCA_ACT_OPTIONS, [&] { fill(request); });
            });
        });
    });
    return request.send(netlink);
}

int police(const Netlink& netlink, unsigned index, int64_t rate) {
    return add_filter(netlink, index, "police", [&](Message& request) {
        tc_police options{};
        options.action = TC_ACT_SHOT;
        options.burst = ticks(1 << 20, rate);
        options.mtu = 1U << 16U;
        options.rate.rate = rate_field(rate);
        options.rate.cell_log = 9;
        options.rate.linklayer = TC_LINKLAYER_ETHERNET;
        request.put(TCA_POLICE_TBF, options);
        // The kernel wants the table, and does its own arithmetic since it counts in nanoseconds.
        const uint32_t table[TC_RTAB_SIZE / sizeof(uint32_t)] = {};
        request.put(TCA_POLICE_RATE, table);
        if (rate > UINT32_MAX) request.put(TCA_POLICE_RATE64, static_cast<uint64_t>(rate));
    });
}

int redirect(const Netlink& netlink, unsigned index, unsigned to) {
    return add_filter(netlink, index, "mirred", [&](Message& request) {
        tc_mirred options{};
        options.action = TC_ACT_STOLEN;
        options.eaction = TCA_EGRESS_REDIR;
        options.ifindex = to;
        request.put(TCA_MIRRED_PARMS, options);
    });
}

void remove_qdisc(const Netlink& netlink, unsigned index, uint32_t parent, uint32_t handle) {
    Message(RTM_DELQDISC, 0, header(index, parent, handle)).send(netlink); // there may be none
}

void check(int error, const std::string& interface, std::string_view what) {
    if (error < 0)
        throw schema::failure("Failed limiting the traffic of interface \"{}\": {}: {}", interface, what,
                              nl_geterror(error));
}

/// The intermediate interface of another: found again by its name alone.
std::string shaper_of(const std::string& interface) {
    return "ifb" + base::sha256(interface).substr(0, 10);
}

void shape_sending(const Netlink& netlink, const std::string& interface, int64_t bits) {
    const auto index = if_nametoindex(interface.c_str());
    const auto rate = std::max<int64_t>(bits / 8, 1);
    check(add_htb(netlink, index), interface, "HTB");
    check(add_htb_class(netlink, index, rate), interface, "HTB class");
}

void shape_receiving(const Netlink& netlink, const std::string& interface, int64_t bits) {
    const auto index = if_nametoindex(interface.c_str());
    check(add_ingress(netlink, index), interface, "ingress");
    if (police(netlink, index, std::max<int64_t>(bits / 8, 1)) == 0) return;
    const auto shaper = shaper_of(interface);
    create_link(shaper, "ifb");
    shape_sending(netlink, shaper, bits);
    set_up(shaper);
    check(redirect(netlink, index, if_nametoindex(shaper.c_str())), interface, "redirection");
}

void clear_receiving(const Netlink& netlink, const std::string& interface, unsigned index) {
    if (index != 0) remove_qdisc(netlink, index, TC_H_INGRESS, ingress_handle);
    remove_link(shaper_of(interface));
}

} // namespace

void limit_traffic(const std::string& interface, const TrafficRates& rates) {
    const auto index = if_nametoindex(interface.c_str());
    if (index == 0) throw schema::failure("Unknown or missing host side veth device \"{}\"", interface);
    const Netlink netlink;
    remove_qdisc(netlink, index, TC_H_ROOT, 0);
    clear_receiving(netlink, interface, index);
    try {
        if (rates.send > 0) shape_sending(netlink, interface, rates.send);
        if (rates.receive > 0) shape_receiving(netlink, interface, rates.receive);
    } catch (...) {
        unlimit_traffic(interface);
        throw;
    }
}

void unlimit_traffic(const std::string& interface) {
    const auto index = if_nametoindex(interface.c_str());
    const Netlink netlink;
    if (index != 0) remove_qdisc(netlink, index, TC_H_ROOT, 0);
    clear_receiving(netlink, interface, index);
}

} // namespace network
