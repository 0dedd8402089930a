// The texts that the firewall is given.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/network/bridge_filter.h"
#include "daemon/network/forward_rules.h"

namespace network {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const BridgePort port = {"c1.eth0", "veth1", "00:16:3e:00:00:01", {}, {}};

TEST(BridgeFilter, HoldsAPortToItsHardwareAddress) {
    const auto rules = bridge_filter(port);
    EXPECT_THAT(rules, HasSubstr("from.c1.eth0 ether saddr != 00:16:3e:00:00:01 drop\n"));
    EXPECT_THAT(rules, HasSubstr("from.c1.eth0 ether type arp arp saddr ether != 00:16:3e:00:00:01 drop\n"));
    EXPECT_THAT(rules, HasSubstr("icmpv6 type nd-neighbor-advert @nh,528,48 != 0x00163e000001 drop\n"));
    EXPECT_THAT(rules, HasSubstr("add rule bridge lxd fwd.c1.eth0 iifname \"veth1\" jump from.c1.eth0\n"));
    EXPECT_THAT(rules, Not(HasSubstr("accept\n")));
}

TEST(BridgeFilter, LetsTheGivenNetworksThrough) {
    auto filtered = port;
    filtered.ipv4 = {"192.0.2.7/32"};
    filtered.ipv6 = {"2001:db8::/36"};
    const auto rules = bridge_filter(filtered);
    for (const auto* rule :
         {"ether type ip ip saddr 192.0.2.7/32 accept\n", "ether type { arp, ip } drop\n",
          "ether type ip6 ip6 saddr 2001:db8::/36 accept\n", "@nh,384,36 0x020010db80 accept\n",
          "ether type != { arp, ip, ip6 } drop\n", "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp dport 67 accept\n"})
        EXPECT_THAT(rules, HasSubstr(rule));
}

TEST(BridgeFilter, NoNetworkAtAllBlocksTheProtocolAlone) {
    auto filtered = port;
    filtered.ipv4.emplace();
    const auto rules = bridge_filter(filtered);
    EXPECT_THAT(rules, HasSubstr("ether type { arp, ip } drop\n"));
    EXPECT_THAT(rules, Not(HasSubstr("dport 67")));
    EXPECT_THAT(rules, Not(HasSubstr("ether type != ")));
}

TEST(PacketPriority, IsOfAnInterfaceAndInTwoHalves) {
    EXPECT_THAT(packet_priority("c1.eth0", "veth1", 5),
                HasSubstr("chain netdev lxd netprio.c1.eth0 { type filter hook ingress device \"veth1\" priority 0;"));
    EXPECT_THAT(packet_priority("c1.eth0", "veth1", 5), HasSubstr("lxd netprio.c1.eth0 meta priority set 0:5\n"));
    EXPECT_THAT(packet_priority("c1.eth0", "veth1", 4294967294U), HasSubstr("meta priority set ffff:fffe\n"));
}

TEST(ChainLabel, HasOnlyWhatAChainsNameMay) {
    EXPECT_EQ(chain_label("c1", "eth0"), "c1.eth0");
    EXPECT_EQ(chain_label("c1", "a/b:c_d"), "c1.a_2fb_3ac_5fd");
}

TEST(ForwardRules, MapPortsOneToOneAndManyToOne) {
    Forward forward{"c1.web", "tcp", "192.0.2.1", {80, 81, 90}, "10.0.0.2", {80, 81, 90}};
    EXPECT_THAT(forward_rules(forward), HasSubstr("add rule inet lxd out.c1.web ip daddr 192.0.2.1 tcp dport "
                                                  "{ 80-81, 90 } dnat ip to 10.0.0.2\n"));
    forward.target_ports = {8080};
    EXPECT_THAT(forward_rules(forward), HasSubstr("dnat ip to 10.0.0.2:8080\n"));
    forward.target_ports = {8080, 8081, 9090};
    EXPECT_THAT(forward_rules(forward),
                HasSubstr("dnat ip to 10.0.0.2 : tcp dport map { 80 : 8080, 81 : 8081, 90 : 9090 }\n"));
    EXPECT_THAT(forward_rules(forward), HasSubstr("add rule inet lxd pstrt.c1.web ip saddr 10.0.0.2 ip daddr 10.0.0.2 "
                                                  "tcp dport { 8080-8081, 9090 } masquerade\n"));
    const Forward six{"c1.web", "udp", "2001:db8::1", {53}, "2001:db8::2", {5353}};
    EXPECT_THAT(forward_rules(six),
                HasSubstr("ip6 daddr 2001:db8::1 udp dport { 53 } dnat ip6 to [2001:db8::2]:5353\n"));
}

} // namespace
} // namespace network
