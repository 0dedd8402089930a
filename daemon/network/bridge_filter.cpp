#include "daemon/network/bridge_filter.h"

#include <cctype>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace network {

namespace {

constexpr std::string_view input_hook = "{ type filter hook input priority -200; policy accept; }";
constexpr std::string_view forward_hook = "{ type filter hook forward priority -200; policy accept; }";

class Chain {
public:
    Chain(std::string& text, std::string_view family, std::string name)
        : text_(text), start_(fmt::format("add rule {} lxd {} ", family, name)) {}
    template <class... Args> void add(fmt::format_string<Args...> rule, Args&&... args) {
        text_ += start_ + fmt::format(rule, std::forward<Args>(args)...) + "\n";
    }

private:
    std::string& text_;
    std::string start_;
};

/// "00:16:3e:00:00:01" -> "0x00163e000001".
std::string hex_of(std::string_view hwaddr) {
    std::string hex = "0x";
    for (const char c : hwaddr)
        if (c != ':') hex += c;
    return hex;
}

struct Prefix {
    std::string hex;
    int bits = 0;
};

/// The leading bits of an IPv6 network, as a number of that width.
Prefix prefix_of(std::string_view network) {
    const auto slash = network.find('/');
    const int bits = std::stoi(std::string(network.substr(slash + 1)));
    in6_addr address{};
    inet_pton(AF_INET6, std::string(network.substr(0, slash)).c_str(), &address);
    Prefix prefix{"0x", bits};
    unsigned carried = 0;
    // Shifted right, so that the number ends with the prefix's last bit.
    const int shift = (8 - bits % 8) % 8;
    for (int i = 0; i < (bits + 7) / 8; ++i) {
        const unsigned both = carried << 8U | address.s6_addr[i];
        prefix.hex += fmt::format("{:02x}", both >> static_cast<unsigned>(shift) & 0xffU);
        carried = address.s6_addr[i];
    }
    return prefix;
}

void allow_ipv4(Chain& chain, const std::vector<std::string>& networks) {
    for (const auto& network : networks) {
        chain.add("ether type arp arp saddr ip {} accept", network);
        chain.add("ether type ip ip saddr {} accept", network);
    }
    chain.add("ether type {{ arp, ip }} drop");
}

void allow_ipv6(Chain& chain, const std::vector<std::string>& networks) {
    chain.add("ether type ip6 icmpv6 type nd-router-advert drop");
    for (const auto& network : networks) {
        // The address that a neighbour advertisement speaks for.
        if (const auto prefix = prefix_of(network); prefix.bits > 0)
            chain.add("ether type ip6 icmpv6 type nd-neighbor-advert @nh,384,{} {} accept", prefix.bits, prefix.hex);
        chain.add("ether type ip6 ip6 saddr {} accept", network);
    }
    chain.add("ether type ip6 drop");
}

/// What a container has to ask the host for an address.
void allow_requests(Chain& chain, const BridgePort& port) {
    if (port.ipv4 && !port.ipv4->empty())
        chain.add("iifname {:?} ether saddr {} ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp dport 67 accept",
                  port.interface, port.hwaddr);
    if (!port.ipv6 || port.ipv6->empty()) return;
    chain.add("iifname {:?} ether saddr {} ip6 saddr fe80::/10 ip6 daddr ff02::1:2 udp dport 547 accept",
              port.interface, port.hwaddr);
    chain.add("iifname {:?} ether saddr {} ip6 saddr fe80::/10 ip6 daddr ff02::2 icmpv6 type nd-router-solicit accept",
              port.interface, port.hwaddr);
}

} // namespace

std::string chain_label(std::string_view instance, std::string_view device) {
    std::string label = fmt::format("{}.", instance);
    for (const char c : device) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-';
        label += plain ? std::string(1, c) : fmt::format("_{:02x}", static_cast<unsigned char>(c));
    }
    return label;
}

std::string fresh_chain(std::string_view family, std::string_view chain, std::string_view hook) {
    return fmt::format("add table {0} lxd\nadd chain {0} lxd {1} {2}\nflush chain {0} lxd {1}\n", family, chain, hook);
}

std::string without_chain(std::string_view family, std::string_view chain) {
    // Deleting what is not there is an error, making what is there is none.
    return fmt::format("add table {0} lxd\nadd chain {0} lxd {1}\nflush chain {0} lxd {1}\ndelete chain {0} lxd {1}\n",
                       family, chain);
}

std::string bridge_filter(const BridgePort& port) {
    const auto in = "in." + port.label;
    const auto fwd = "fwd." + port.label;
    const auto from = "from." + port.label;
    auto text = without_bridge_filter(port.label) + fresh_chain("bridge", from, "") +
                fresh_chain("bridge", in, input_hook) + fresh_chain("bridge", fwd, forward_hook);
    Chain rules(text, "bridge", from);
    rules.add("ether saddr != {} drop", port.hwaddr);
    rules.add("ether type arp arp saddr ether != {} drop", port.hwaddr);
    // The link-layer address that a neighbour advertisement tells.
    rules.add("ether type ip6 icmpv6 type nd-neighbor-advert @nh,528,48 != {} drop", hex_of(port.hwaddr));
    if (port.ipv4) allow_ipv4(rules, *port.ipv4);
    if (port.ipv6) allow_ipv6(rules, *port.ipv6);
    const bool addresses = (port.ipv4 && !port.ipv4->empty()) || (port.ipv6 && !port.ipv6->empty());
    if (addresses) rules.add("ether type != {{ arp, ip, ip6 }} drop");

    Chain input(text, "bridge", in);
    allow_requests(input, port);
    input.add("iifname {:?} jump {}", port.interface, from);
    Chain forward(text, "bridge", fwd);
    forward.add("iifname {:?} jump {}", port.interface, from);
    return text;
}

std::string without_bridge_filter(std::string_view label) {
    std::string text;
    for (const auto* chain : {"in", "fwd", "from"}) text += without_chain("bridge", fmt::format("{}.{}", chain, label));
    return text;
}

std::string reverse_path_filter(std::string_view label, std::string_view interface) {
    const auto name = fmt::format("prert.{}", label);
    auto text = fresh_chain("inet", name, "{ type filter hook prerouting priority -300; policy accept; }");
    Chain(text, "inet", name).add("iifname \"{}\" fib saddr . iif oif missing drop", interface);
    return text;
}

std::string without_reverse_path_filter(std::string_view label) {
    return without_chain("inet", fmt::format("prert.{}", label));
}

std::string packet_priority(std::string_view label, std::string_view interface, uint32_t priority) {
    const auto name = fmt::format("netprio.{}", label);
    // The chain is of one interface for good, and may be there of another one.
    auto text =
        without_packet_priority(label) +
        fresh_chain("netdev", name,
                    fmt::format("{{ type filter hook ingress device \"{}\" priority 0; policy accept; }}", interface));
    // Two halves, in hexadecimal: MAJOR:MINOR of a traffic class.
    Chain(text, "netdev", name).add("meta priority set {:x}:{:x}", priority >> 16U, priority & 0xffffU);
    return text;
}

std::string without_packet_priority(std::string_view label) {
    return without_chain("netdev", fmt::format("netprio.{}", label));
}

} // namespace network
