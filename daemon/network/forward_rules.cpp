#include "daemon/network/forward_rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/network/bridge_filter.h"

namespace network {

namespace {

constexpr const char* chains[] = {"prert", "out", "pstrt"};
constexpr std::string_view hooks[] = {
    "{ type nat hook prerouting priority -100; policy accept; }",
    "{ type nat hook output priority -100; policy accept; }",
    "{ type nat hook postrouting priority 100; policy accept; }",
};

/// "{ 80-82, 90 }", in the order given.
std::string port_set(const std::vector<uint16_t>& ports) {
    std::vector<std::string> ranges;
    for (size_t first = 0; first < ports.size();) {
        size_t last = first;
        while (last + 1 < ports.size() && ports[last + 1] == ports[last] + 1) ++last;
        ranges.push_back(first == last ? std::to_string(ports[first])
                                       : fmt::format("{}-{}", ports[first], ports[last]));
        first = last + 1;
    }
    return fmt::format("{{ {} }}", fmt::join(ranges, ", "));
}

std::string destination(const Forward& forward) {
    const bool six = forward.target.find(':') != std::string::npos;
    const auto family = six ? "ip6" : "ip";
    const auto host = six ? "[" + forward.target + "]" : forward.target;
    if (forward.target_ports == forward.listen_ports) return fmt::format("dnat {} to {}", family, forward.target);
    if (forward.target_ports.size() == 1)
        return fmt::format("dnat {} to {}:{}", family, host, forward.target_ports.front());
    std::vector<std::string> pairs;
    for (size_t index = 0; index < forward.listen_ports.size(); ++index)
        pairs.push_back(fmt::format("{} : {}", forward.listen_ports[index], forward.target_ports[index]));
    return fmt::format("dnat {} to {} : {} dport map {{ {} }}", family, forward.target, forward.protocol,
                       fmt::join(pairs, ", "));
}

} // namespace

std::string forward_rules(const Forward& forward) {
    const auto* family = forward.listen.find(':') == std::string::npos ? "ip" : "ip6";
    auto text = without_forward_rules(forward.label);
    for (size_t index = 0; index < std::size(chains); ++index)
        text += fresh_chain("inet", fmt::format("{}.{}", chains[index], forward.label), hooks[index]);
    for (const auto* chain : {"prert", "out"})
        text += fmt::format("add rule inet lxd {}.{} {} daddr {} {} dport {} {}\n", chain, forward.label, family,
                            forward.listen, forward.protocol, port_set(forward.listen_ports), destination(forward));
    // A container that connects to its own forward would otherwise answer itself past the host.
    text +=
        fmt::format("add rule inet lxd pstrt.{} {} saddr {} {} daddr {} {} dport {} masquerade\n", forward.label,
                    family, forward.target, family, forward.target, forward.protocol, port_set(forward.target_ports));
    return text;
}

std::string without_forward_rules(std::string_view label) {
    std::string text;
    for (const auto* chain : chains) text += without_chain("inet", fmt::format("{}.{}", chain, label));
    return text;
}

} // namespace network
