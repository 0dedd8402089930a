#include "daemon/network/netlink.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/socket.h>

namespace network {
namespace {

std::string no_host_interface(int) {
    return {};
}

Interface interface_with(unsigned flags) {
    Interface interface;
    interface.name = "eth0";
    interface.flags = flags;
    interface.hwaddr = "00:16:3e:00:00:01";
    interface.mtu = 1500;
    return interface;
}

TEST(NetworkState, TheScopeIsToldFromTheAddress) {
    struct {
        int family;
        const char* address;
        const char* scope;
    } const cases[] = {
        {AF_INET, "127.0.0.1", "local"},     {AF_INET, "10.0.0.5", "global"}, {AF_INET, "169.254.1.1", "link"},
        {AF_INET6, "::1", "local"},          {AF_INET6, "fe80::1", "link"},   {AF_INET6, "fd42::1", "global"},
        {AF_INET6, "2001:db8::1", "global"},
    };
    for (const auto& [family, address, scope] : cases) {
        auto interface = interface_with(IFF_UP);
        interface.addresses.push_back({family, address, 24});
        const auto state = network_state({interface}, no_host_interface).at("eth0");
        ASSERT_EQ(state.addresses.size(), 1U);
        EXPECT_EQ(state.addresses[0].scope, scope) << address;
        EXPECT_EQ(state.addresses[0].family, family == AF_INET ? "inet" : "inet6");
        EXPECT_EQ(state.addresses[0].netmask, "24");
    }
}

TEST(NetworkState, TheTypeIsToldFromTheFlags) {
    struct {
        unsigned flags;
        const char* type;
    } const cases[] = {
        {IFF_BROADCAST | IFF_MULTICAST, "broadcast"},
        {IFF_LOOPBACK, "loopback"},
        {IFF_POINTOPOINT | IFF_NOARP, "point-to-point"},
        {0, "unknown"},
    };
    for (const auto& [flags, type] : cases) {
        EXPECT_EQ(network_state({interface_with(flags)}, no_host_interface).at("eth0").type, type);
    }
}

TEST(NetworkState, OnlyTheUpFlagMakesItUp) {
    EXPECT_EQ(network_state({interface_with(IFF_UP)}, no_host_interface).at("eth0").state, "up");
    EXPECT_EQ(network_state({interface_with(IFF_BROADCAST)}, no_host_interface).at("eth0").state, "down");
}

TEST(NetworkState, ALoopbackShowsNoHardwareAddress) {
    EXPECT_EQ(network_state({interface_with(IFF_LOOPBACK)}, no_host_interface).at("eth0").hwaddr, "");
    EXPECT_EQ(network_state({interface_with(0)}, no_host_interface).at("eth0").hwaddr, "00:16:3e:00:00:01");
}

TEST(NetworkState, ThePeerIsNamedOnTheHost) {
    auto interface = interface_with(0);
    interface.peer_index = 7;
    const auto name = [](int index) { return "veth" + std::to_string(index); };
    EXPECT_EQ(network_state({interface}, name).at("eth0").host_name, "veth7");
    interface.peer_index = 0;
    EXPECT_EQ(network_state({interface}, name).at("eth0").host_name, "");
}

} // namespace
} // namespace network
