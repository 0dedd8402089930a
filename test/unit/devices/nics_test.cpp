// Network devices on a host that records what is done to it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/devices/device.h"
#include "schema/error.h"
#include "schema/keys/devices.h"
#include "test/fakes/device_host.h"

namespace devices {
namespace {

using fakes::FakeDeviceHost;
using schema::LxcItem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

template <class Attempt> std::string refusal_of(Attempt attempt) {
    try {
        attempt();
    } catch (const schema::Error& error) {
        return error.what();
    }
    return "";
}

std::string refusal_of(const schema::Device& options) {
    return refusal_of([&] { make_device("eth0", options)->check(); });
}

const schema::Device bridged = {{"type", "nic"}, {"nictype", "bridged"}, {"parent", "br0"}};
const schema::Device p2p = {{"type", "nic"}, {"nictype", "p2p"}};

schema::Device with(schema::Device device, const schema::Device& more) {
    for (const auto& [option, value] : more) device[option] = value;
    return device;
}

Owner owner() {
    Owner result;
    result.instance = "c1";
    result.config = {{"volatile.eth0.hwaddr", "00:16:3e:00:00:01"}, {"volatile.eth0.name", "eth0"}};
    result.devices_path = "/var/lib/lxd/devices/c1";
    return result;
}

/// With what the device says that it will make, as a start and a change have it.
Owner prepared(const Device& device, FakeDeviceHost& host, Owner of = owner()) {
    for (const auto& [key, value] : device.prepare(of, host)) of.config[key] = value;
    return of;
}

FakeDeviceHost host() {
    FakeDeviceHost result;
    result.network().interfaces = {{"br0", {1450, ""}}, {"lan0", {1500, "02:00:00:00:00:01"}}};
    return result;
}

Start started(const schema::Device& options, FakeDeviceHost& on, int index = 0) {
    const auto device = make_device("eth0", options);
    return device->start(prepared(*device, on), on, index);
}

void attach(const schema::Device& options, FakeDeviceHost& on) {
    const auto device = make_device("eth0", options);
    device->attach(prepared(*device, on), on);
}

// --- veth pairs -----------------------------------------------------------------------------------------------------

TEST(BridgedNic, IsLeftToTheEngineWhereItNeedsNothingBesidesItsBridge) {
    auto on = host();
    const auto start = started(with(bridged, {{"mtu", "1400"}}), on, 2);
    EXPECT_THAT(start.items,
                ElementsAre(LxcItem{"lxc.net.2.type", "veth"}, LxcItem{"lxc.net.2.flags", "up"},
                            LxcItem{"lxc.net.2.veth.pair", "veth00000001"}, LxcItem{"lxc.net.2.name", "eth0"},
                            LxcItem{"lxc.net.2.link", "br0"}, LxcItem{"lxc.net.2.hwaddr", "00:16:3e:00:00:01"},
                            LxcItem{"lxc.net.2.mtu", "1400"}));
    EXPECT_THAT(on.actions, IsEmpty());
}

TEST(BridgedNic, IsMadeBeforeTheStartWhereSomethingMustHoldFromItsFirstPacket) {
    for (const auto& [option, value] : schema::Config{{"limits.egress", "1Mbit"},
                                                      {"limits.priority", "5"},
                                                      {"security.mac_filtering", "true"},
                                                      {"ipv4.routes", "192.0.2.0/24"},
                                                      {"security.port_isolation", "true"},
                                                      {"vlan", "5"},
                                                      {"vlan.tagged", "7"}}) {
        auto on = host();
        EXPECT_THAT(started(with(bridged, {{option, value}}), on).items,
                    Contains(LxcItem{"lxc.net.0.link", "veth00000002"}))
            << option;
        EXPECT_THAT(on.actions, Contains("bridge veth00000001 br0")) << option;
    }
}

TEST(BridgedNic, IsHandedToTheEngine) {
    auto on = host();
    const auto start = started(with(bridged, {{"mtu", "1400"}, {"security.port_isolation", "true"}}), on, 2);
    EXPECT_THAT(start.items, ElementsAre(LxcItem{"lxc.net.2.type", "phys"}, LxcItem{"lxc.net.2.flags", "up"},
                                         LxcItem{"lxc.net.2.link", "veth00000002"}, LxcItem{"lxc.net.2.name", "eth0"},
                                         LxcItem{"lxc.net.2.hwaddr", "00:16:3e:00:00:01"}));
    EXPECT_THAT(on.actions,
                ElementsAre("veth veth00000001 veth00000002 00:16:3e:00:00:01 1400",
                            "set ipv6/conf/veth00000001/disable_ipv6=1", "set ipv6/conf/veth00000001/accept_ra=0",
                            "bridge veth00000001 br0", "isolate veth00000001", "up veth00000001"));
}

TEST(BridgedNic, HasTheMtuOfItsBridge) {
    auto on = host();
    attach(bridged, on);
    EXPECT_THAT(on.actions, Contains("veth veth00000001 veth00000002 00:16:3e:00:00:01 1450"));
}

TEST(BridgedNic, NeedsItsBridge) {
    auto on = host();
    EXPECT_EQ(refusal_of([&] { started(with(bridged, {{"parent", "nope"}}), on); }),
              "Parent device \"nope\" doesn't exist");
    EXPECT_EQ(refusal_of({{"type", "nic"}, {"nictype", "bridged"}}),
              "Invalid value for device option \"parent\": Required value");
}

TEST(P2pNic, OptionsGoBeforeWhatWasChosen) {
    auto on = host();
    const auto start = started(with(p2p, {{"name", "wan"}, {"hwaddr", "00:16:3e:22:22:22"}, {"host_name", "up0"}}), on);
    EXPECT_THAT(start.items, Contains(LxcItem{"lxc.net.0.name", "wan"}));
    EXPECT_THAT(start.items, Contains(LxcItem{"lxc.net.0.hwaddr", "00:16:3e:22:22:22"}));
    EXPECT_THAT(start.items, Contains(LxcItem{"lxc.net.0.veth.pair", "up0"}));
    attach(with(p2p, {{"hwaddr", "00:16:3e:22:22:22"}, {"host_name", "up0"}}), on);
    EXPECT_THAT(on.actions, Contains("veth up0 veth00000001 00:16:3e:22:22:22 0"));
}

TEST(P2pNic, AHostsInterfaceIsNeverTakenForItsOwn) {
    auto on = host();
    const auto device = make_device("eth0", with(p2p, {{"host_name", "lan0"}}));
    EXPECT_EQ(refusal_of([&] { device->prepare(owner(), on); }),
              "Failed to create the veth interface \"lan0\": there is an interface of this name");
    auto of = owner();
    of.config["volatile.eth0.host_name"] = "lan0"; // its own, which is about to be replaced
    EXPECT_EQ(refusal_of([&] { device->prepare(of, on); }), "");
}

TEST(BridgedNic, ItsHostEndHasNoAddressOfItsOwn) {
    auto on = host();
    const auto device = make_device("eth0", bridged);
    const auto start = device->start(prepared(*device, on), on, 0);
    start.on_running();
    EXPECT_THAT(on.actions,
                ElementsAre("set ipv6/conf/veth00000001/disable_ipv6=1", "set ipv6/conf/veth00000001/accept_ra=0"));
}

TEST(P2pNic, RoutesAreOfTheHostsEnd) {
    auto on = host();
    started(with(p2p, {{"ipv4.routes", "192.0.2.0/24, 198.51.100.0/24"}, {"ipv6.routes", "2001:db8::/64"}}), on);
    EXPECT_THAT(on.actions, Contains("route veth00000001 192.0.2.0/24  0"));
    EXPECT_THAT(on.actions, Contains("route veth00000001 198.51.100.0/24  0"));
    EXPECT_THAT(on.actions, Contains("route veth00000001 2001:db8::/64  0"));
}

TEST(VethNic, IsPutIntoARunningContainer) {
    auto on = host();
    attach(bridged, on);
    EXPECT_EQ(on.actions.back(), "attach c1 veth00000002 eth0");
}

TEST(VethNic, AFailedAttachOrStartLeavesNoInterface) {
    for (const auto* step : {"veth", "limit", "bridge", "up", "attach"}) {
        auto on = host();
        on.fails_at = step;
        EXPECT_NE(refusal_of([&] { attach(with(bridged, {{"limits.max", "1Mbit"}}), on); }), "") << step;
        EXPECT_EQ(on.network().interfaces.size(), 2U) << step;
        EXPECT_THAT(on.network().limits, IsEmpty()) << step;
    }
}

TEST(VethNic, DetachingRemovesThePairAndForgetsItsName) {
    auto on = host();
    auto of = owner();
    of.config["volatile.eth0.host_name"] = "veth9";
    on.network().interfaces["veth9"] = {1500, ""};
    EXPECT_EQ(make_device("eth0", bridged)->detach(of, on), (schema::Config{{"volatile.eth0.host_name", ""}}));
    EXPECT_FALSE(on.network().find("veth9"));
}

TEST(VethNic, WhatWasNeverMadeIsNotRemoved) {
    auto on = host();
    make_device("eth0", with(bridged, {{"ipv4.routes", "192.0.2.0/24"}}))->stopped(owner(), on);
    EXPECT_THAT(on.actions, IsEmpty());
}

// --- limits ---------------------------------------------------------------------------------------------------------

TEST(NicLimits, AreSetOnTheHostsEnd) {
    auto on = host();
    started(with(p2p, {{"limits.ingress", "2Mbit"}, {"limits.egress", "1Mbit"}}), on);
    EXPECT_EQ(on.network().limits["veth00000001"], (TrafficLimits{2'000'000, 1'000'000}));
}

TEST(NicLimits, MaxGoesBeforeTheOthers) {
    auto on = host();
    started(with(p2p, {{"limits.ingress", "2Mbit"}, {"limits.max", "10kbit"}}), on);
    EXPECT_EQ(on.network().limits["veth00000001"], (TrafficLimits{10'000, 10'000}));
}

TEST(NicLimits, ChangeLive) {
    auto on = host();
    auto of = owner();
    of.config["volatile.eth0.host_name"] = "veth9";
    const auto limited = with(p2p, {{"limits.max", "1Mbit"}});
    EXPECT_TRUE(schema::may_change_live(p2p, limited));
    make_device("eth0", limited)->update(p2p, of, on);
    EXPECT_EQ(on.network().limits["veth9"], (TrafficLimits{1'000'000, 1'000'000}));
    make_device("eth0", p2p)->update(limited, of, on);
    EXPECT_THAT(on.network().limits, IsEmpty());
}

TEST(NicLimits, APriorityHoldsFromTheStartAndGoesWithTheNic) {
    auto on = host();
    auto of = owner();
    const auto first = with(bridged, {{"limits.priority", "5"}});
    started(first, on);
    EXPECT_THAT(on.network().rules, HasSubstr("netprio.c1.eth0 meta priority set 0:5"));
    of.config["volatile.eth0.host_name"] = "veth9";
    make_device("eth0", first)->detach(of, on);
    EXPECT_THAT(on.network().rules, EndsWith("delete chain netdev lxd netprio.c1.eth0\n"));
}

TEST(NicLimits, APriorityChangesLiveAndIsLeftAloneOtherwise) {
    auto on = host();
    auto of = owner();
    of.config["volatile.eth0.host_name"] = "veth9";
    const auto first = with(p2p, {{"limits.priority", "5"}});
    EXPECT_TRUE(schema::may_change_live(p2p, first));
    make_device("eth0", first)->update(p2p, of, on);
    EXPECT_THAT(on.network().rules, HasSubstr("device \"veth9\""));
    on.network().rules.clear();
    make_device("eth0", with(first, {{"limits.max", "1Mbit"}}))->update(first, of, on);
    EXPECT_EQ(on.network().rules, "");
    make_device("eth0", p2p)->update(first, of, on);
    EXPECT_THAT(on.network().rules, EndsWith("delete chain netdev lxd netprio.c1.eth0\n"));
}

TEST(NicLimits, ThoseThatAreNoneAreRefused) {
    EXPECT_THAT(refusal_of(with(p2p, {{"limits.max", "fast"}})),
                HasSubstr("Invalid value for device option \"limits.max\": "));
}

// --- bridged: filters, routes, VLANs --------------------------------------------------------------------------------

TEST(BridgedNic, AddressesNeedFilteringWhereTheBridgeIsNotManaged) {
    EXPECT_EQ(refusal_of(with(bridged, {{"ipv4.address", "192.0.2.1"}})),
              "Cannot use manually specified ipv4.address when using unmanaged parent bridge");
    EXPECT_EQ(refusal_of(with(bridged, {{"ipv6.address", "2001:db8::1"}})),
              "Cannot use manually specified ipv6.address when using unmanaged parent bridge");
    EXPECT_EQ(refusal_of(with(bridged, {{"security.ipv4_filtering", "true"}})),
              "IPv4 filtering requires a manually specified ipv4.address when using an unmanaged parent bridge");
    EXPECT_EQ(refusal_of(with(bridged, {{"security.ipv6_filtering", "true"}})),
              "IPv6 filtering requires a manually specified ipv6.address when using an unmanaged parent bridge");
    EXPECT_EQ(refusal_of(with(bridged, {{"security.ipv4_filtering", "true"}, {"ipv4.address", "192.0.2.1"}})), "");
    EXPECT_EQ(refusal_of(with(bridged, {{"security.ipv4_filtering", "true"}, {"ipv4.address", "none"}})), "");
}

TEST(BridgedNic, VlansAreChecked) {
    EXPECT_EQ(refusal_of(with(bridged, {{"vlan", "x"}})),
              "Invalid value for device option \"vlan\": Invalid VLAN ID \"x\"");
    EXPECT_EQ(refusal_of(with(bridged, {{"vlan", "4095"}})),
              "Invalid value for device option \"vlan\": Out of VLAN ID range (0-4094) \"4095\"");
    EXPECT_EQ(refusal_of(with(bridged, {{"vlan", "none"}, {"vlan.tagged", "1,5-7"}})), "");
    EXPECT_EQ(refusal_of(with(bridged, {{"vlan.tagged", "7-5"}})),
              "Invalid value for device option \"vlan.tagged\": Invalid VLAN range boundary. start:7 is higher than "
              "end:5");
    EXPECT_EQ(refusal_of(with(bridged, {{"vlan", "5"}, {"vlan.tagged", "5"}})),
              "Invalid value for device option \"vlan.tagged\": Tagged VLAN ID \"5\" cannot be the same as untagged "
              "VLAN ID");
    EXPECT_EQ(refusal_of(with(bridged, {{"vlan", "5"}, {"security.ipv4_filtering", "1"}, {"ipv4.address", "none"}})),
              "IP filtering cannot be used with VLAN filtering");
}

TEST(BridgedNic, JoinsItsVlans) {
    auto on = host();
    started(with(bridged, {{"vlan", "10"}, {"vlan.tagged", "20,30-32"}}), on);
    EXPECT_THAT(on.actions, Contains("vlans veth00000001 br0 10 20,30,31,32"));
}

TEST(BridgedNic, IsFilteredBeforeItIsInTheBridge) {
    auto on = host();
    started(with(bridged, {{"security.mac_filtering", "true"}}), on);
    const auto rules = std::ranges::find_if(on.actions, [](auto& action) { return action.starts_with("rules"); });
    const auto bridge = std::ranges::find(on.actions, "bridge veth00000001 br0");
    ASSERT_NE(rules, on.actions.end());
    EXPECT_LT(rules, bridge);
    EXPECT_THAT(on.network().rules,
                HasSubstr("add rule bridge lxd from.c1.eth0 ether saddr != 00:16:3e:00:00:01 drop"));
}

TEST(BridgedNic, ItsFilterGoesWithIt) {
    auto on = host();
    auto of = owner();
    of.config["volatile.eth0.host_name"] = "veth9";
    make_device("eth0", with(bridged, {{"security.mac_filtering", "true"}}))->stopped(of, on);
    EXPECT_THAT(on.network().rules, HasSubstr("delete chain bridge lxd in.c1.eth0"));
    EXPECT_THAT(on.network().rules, Not(HasSubstr("add rule")));
}

TEST(BridgedNic, RoutesLeadToTheBridgeAndGoWithTheDevice) {
    auto on = host();
    auto of = owner();
    of.config["volatile.eth0.host_name"] = "veth9";
    const auto routed = with(bridged, {{"ipv4.routes", "192.0.2.0/24"}});
    started(routed, on);
    EXPECT_THAT(on.actions, Contains("route br0 192.0.2.0/24  0"));
    make_device("eth0", routed)->stopped(of, on);
    EXPECT_EQ(on.actions.back(), "no-route br0 192.0.2.0/24");
    EXPECT_EQ(refusal_of(with(bridged, {{"ipv4.routes", "192.0.2.1/24"}})),
              "Invalid value for device option \"ipv4.routes\": Item \"192.0.2.1/24\": Not an IPv4 network address "
              "\"192.0.2.1/24\"");
}

// --- one interface: macvlan, physical, sriov ------------------------------------------------------------------------

schema::Device of_kind(const std::string& kind, const schema::Device& more = {}) {
    return with({{"type", "nic"}, {"nictype", kind}, {"parent", "lan0"}}, more);
}

TEST(MacvlanNic, IsMadeOnItsParentAndRemoved) {
    auto on = host();
    const auto device = make_device("eth0", of_kind("macvlan", {{"mtu", "1400"}}));
    const auto of = prepared(*device, on);
    const auto start = device->start(of, on, 0);
    EXPECT_THAT(start.items, Contains(LxcItem{"lxc.net.0.link", "mac00000001"}));
    EXPECT_THAT(on.actions, ElementsAre("macvlan mac00000001 lan0 00:16:3e:00:00:01 1400"));
    device->stopped(of, on);
    EXPECT_EQ(on.network().interfaces.size(), 2U);
}

TEST(MacvlanNic, UsesAVlanThatIsMadeForItAndGoesWithIt) {
    auto on = host();
    const auto device = make_device("eth0", of_kind("macvlan", {{"vlan", "5"}, {"gvrp", "true"}}));
    auto of = prepared(*device, on);
    EXPECT_EQ(of.config["volatile.eth0.last_state.created"], "true");
    device->start(of, on, 0);
    EXPECT_THAT(on.actions,
                ElementsAre("vlan lan0.5 lan0 5 gvrp", "up lan0.5", "macvlan mac00000001 lan0.5 00:16:3e:00:00:01 0"));
    of.others_made_vlan = [](const std::string&, const std::string&) { return true; };
    device->stopped(of, on);
    EXPECT_TRUE(on.network().find("lan0.5")) << "another instance uses it";
    of.others_made_vlan = {};
    device->stopped(of, on);
    EXPECT_FALSE(on.network().find("lan0.5"));
}

TEST(MacvlanNic, AVlanThatWasThereStays) {
    auto on = host();
    on.network().interfaces["lan0.5"] = {1500, ""};
    const auto device = make_device("eth0", of_kind("macvlan", {{"vlan", "5"}}));
    const auto of = prepared(*device, on);
    device->start(of, on, 0);
    device->stopped(of, on);
    EXPECT_TRUE(on.network().find("lan0.5"));
}

TEST(PhysicalNic, GetsItsAddressAndMtuBack) {
    auto on = host();
    const auto device = make_device("eth0", of_kind("physical", {{"mtu", "1400"}, {"hwaddr", "02:00:00:00:00:99"}}));
    const auto of = prepared(*device, on);
    EXPECT_EQ(of.config.at("volatile.eth0.last_state.mtu"), "1500");
    EXPECT_EQ(of.config.at("volatile.eth0.last_state.hwaddr"), "02:00:00:00:00:01");
    device->attach(of, on);
    EXPECT_FALSE(on.network().find("lan0"));
    const auto forgotten = device->detach(of, on);
    EXPECT_EQ(on.network().find("lan0").value_or(InterfaceState()).mtu, 1500);
    EXPECT_EQ(on.network().find("lan0").value_or(InterfaceState()).hwaddr, "02:00:00:00:00:01");
    EXPECT_EQ(forgotten.at("volatile.eth0.last_state.mtu"), "");
}

TEST(PhysicalNic, OneThatIsBackIsNotFetched) {
    auto on = host();
    const auto device = make_device("eth0", of_kind("physical"));
    device->detach(prepared(*device, on), on);
    EXPECT_THAT(on.actions, IsEmpty());
}

TEST(MovedNic, NeedsItsParent) {
    for (const auto* kind : {"macvlan", "physical", "sriov", "ipvlan"}) {
        auto on = host();
        EXPECT_EQ(refusal_of([&] { started(of_kind(kind, {{"parent", "nope"}}), on); }),
                  "Parent device 'nope' doesn't exist")
            << kind;
        EXPECT_EQ(refusal_of(of_kind(kind, {{"parent", ""}})),
                  "Invalid value for device option \"parent\": Required value")
            << kind;
    }
}

TEST(SriovNic, SaysWhatTheCardLacks) {
    auto on = host();
    EXPECT_EQ(refusal_of([&] { started(of_kind("sriov"), on); }), "Parent device \"lan0\" doesn't support SR-IOV");
}

TEST(SriovNic, SetsItsFunctionAndRestoresIt) {
    auto on = host();
    on.network().functions = {{"vf3", 3, "02:00:00:00:00:33", 7, true}};
    on.network().interfaces["vf3"] = {1500, "02:00:00:00:00:34"};
    const auto device = make_device("eth0", of_kind("sriov", {{"vlan", "9"}, {"security.mac_filtering", "true"}}));
    const auto of = prepared(*device, on);
    EXPECT_THAT(device->start(of, on, 0).items, Contains(LxcItem{"lxc.net.0.link", "vf3"}));
    EXPECT_EQ(on.actions.back(), "function lan0 3 02:00:00:00:00:34 9 spoof");
    device->stopped(of, on);
    EXPECT_EQ(on.actions.back(), "function lan0 3 02:00:00:00:00:33 7 spoof");
}

// --- routed and ipvlan ----------------------------------------------------------------------------------------------

const schema::Device routed_addresses = {{"ipv4.address", "192.0.2.7,192.0.2.8"}, {"ipv6.address", "2001:db8::7"}};

FakeDeviceHost routing_host() {
    auto on = host();
    for (const auto* name : {"ipv4/conf/lan0/forwarding", "ipv6/conf/lan0/forwarding", "ipv6/conf/all/forwarding",
                             "ipv6/conf/lan0/proxy_ndp", "ipv6/conf/all/proxy_ndp"})
        on.network().settings[name] = "1";
    return on;
}

TEST(RoutedNic, HasSingleAddressesAndAGatewayOnTheHostsEnd) {
    auto on = routing_host();
    const auto start = started(of_kind("routed", routed_addresses), on);
    for (const auto& item :
         {LxcItem{"lxc.net.0.ipv4.gateway", "169.254.0.1"}, LxcItem{"lxc.net.0.ipv4.address", "192.0.2.7/32 0.0.0.0"},
          LxcItem{"lxc.net.0.ipv4.address", "192.0.2.8/32 0.0.0.0"}, LxcItem{"lxc.net.0.ipv6.gateway", "fe80::1"},
          LxcItem{"lxc.net.0.ipv6.address", "2001:db8::7/128"}})
        EXPECT_THAT(start.items, Contains(item));
    for (const auto* action :
         {"address veth00000001 169.254.0.1/32", "address veth00000001 fe80::1/128",
          "route veth00000001 192.0.2.7/32  0", "route veth00000001 2001:db8::7/128  0", "neighbour lan0 192.0.2.8",
          "neighbour lan0 2001:db8::7", "set ipv4/conf/veth00000001/rp_filter=1"})
        EXPECT_THAT(on.actions, Contains(std::string(action)));
    EXPECT_THAT(on.network().rules, HasSubstr("iifname \"veth00000001\" fib saddr . iif oif missing drop"));
}

TEST(RoutedNic, OptionsOfRoutesAndGatewaysCount) {
    auto on = routing_host();
    const auto start = started(of_kind("routed", {{"ipv4.address", "192.0.2.7"},
                                                  {"ipv4.gateway", "none"},
                                                  {"ipv4.host_address", "169.254.9.9"},
                                                  {"ipv4.host_table", "100"},
                                                  {"ipv4.routes", "198.51.100.0/24"}}),
                               on);
    for (const auto& item : start.items) EXPECT_EQ(item.key.find("gateway"), std::string::npos);
    for (const auto* action : {"address veth00000001 169.254.9.9/32", "route veth00000001 192.0.2.7/32  100",
                               "route veth00000001 198.51.100.0/24 192.0.2.7 0"})
        EXPECT_THAT(on.actions, Contains(std::string(action)));
}

TEST(RoutedNic, IsConfiguredInsideARunningContainer) {
    auto on = routing_host();
    attach(of_kind("routed", routed_addresses), on);
    EXPECT_EQ(on.actions.back(), "inside c1 eth0 192.0.2.7/32,192.0.2.8/32,2001:db8::7/128 169.254.0.1,fe80::1");
}

TEST(RoutedNic, NeedsAHostThatForwards) {
    auto on = routing_host();
    on.network().settings["ipv4/conf/lan0/forwarding"] = "0";
    EXPECT_EQ(refusal_of([&] { started(of_kind("routed", routed_addresses), on); }),
              "Routed mode requires sysctl net.ipv4.conf.lan0.forwarding=1");
    on.network().settings["ipv6/conf/all/proxy_ndp"] = "0";
    EXPECT_EQ(refusal_of([&] { started(of_kind("routed", routed_addresses), on); }),
              "Routed mode requires sysctl net.ipv6.conf.all.proxy_ndp=1");
}

TEST(RoutedNic, AnAddressThatIsTakenStopsTheStartUnlessNobodyAsks) {
    auto on = routing_host();
    on.network().taken_addresses = {"192.0.2.8"};
    EXPECT_EQ(refusal_of([&] { started(of_kind("routed", routed_addresses), on); }),
              "IP address \"192.0.2.8\" in use on parent network \"lan0\"");
    EXPECT_EQ(on.network().interfaces.size(), 2U);
    const auto unasked = with(of_kind("routed", routed_addresses), {{"ipv4.neighbor_probe", "false"}});
    EXPECT_EQ(refusal_of([&] { started(unasked, on); }), "");
}

TEST(RoutedNic, IsCheckedAsLxdDoes) {
    EXPECT_EQ(refusal_of(of_kind("routed", {{"ipv4.address", "192.0.2.1,192.0.2.1"}})),
              "Duplicate address \"192.0.2.1\" in \"ipv4.address\"");
    EXPECT_EQ(refusal_of(of_kind("routed", {{"ipv6.routes", "2001:db8::/64"}})),
              "ipv6.routes requires ipv6.address to be set");
    EXPECT_EQ(refusal_of({{"type", "nic"}, {"nictype", "routed"}, {"vlan", "5"}}),
              "The vlan setting can only be used when combined with a parent interface");
    EXPECT_EQ(refusal_of(of_kind("routed", {{"ipv4.address", "x"}})),
              "Invalid value for device option \"ipv4.address\": Item \"x\": Not an IPv4 address \"x\"");
    EXPECT_EQ(refusal_of(of_kind("routed", {{"ipv4.gateway", "192.0.2.1"}})),
              "Invalid value for device option \"ipv4.gateway\": Invalid gateway: 192.0.2.1");
    const auto routed = of_kind("routed");
    EXPECT_EQ(refusal_of([&] {
                  check_expanded_devices(
                      {{"a", routed}, {"b", routed}, {"r", {{"type", "disk"}, {"path", "/"}, {"pool", "p"}}}});
              }),
              "Device validation failed for \"b\": Existing NIC \"a\" already uses \"ipv4.gateway\" in auto mode");
}

TEST(IpvlanNic, IsMadeByTheEngine) {
    auto on = routing_host();
    const auto start = started(of_kind("ipvlan", {{"ipv4.address", "192.0.2.7"}}), on);
    EXPECT_THAT(start.items,
                ElementsAre(LxcItem{"lxc.net.0.type", "ipvlan"}, LxcItem{"lxc.net.0.flags", "up"},
                            LxcItem{"lxc.net.0.link", "lan0"}, LxcItem{"lxc.net.0.name", "eth0"},
                            LxcItem{"lxc.net.0.ipvlan.mode", "l3s"}, LxcItem{"lxc.net.0.ipvlan.isolation", "bridge"},
                            LxcItem{"lxc.net.0.l2proxy", "1"}, LxcItem{"lxc.net.0.ipv4.address", "192.0.2.7/32"},
                            LxcItem{"lxc.net.0.ipv4.gateway", "dev"}));
    const auto l2 =
        started(of_kind("ipvlan", {{"mode", "l2"}, {"ipv4.address", "192.0.2.7"}, {"ipv4.gateway", "192.0.2.1"}}), on);
    EXPECT_THAT(l2.items, Contains(LxcItem{"lxc.net.0.ipv4.address", "192.0.2.7/24"}));
    EXPECT_THAT(l2.items, Contains(LxcItem{"lxc.net.0.ipv4.gateway", "192.0.2.1"}));
}

TEST(IpvlanNic, SaysWhatTheKernelLacks) {
    auto on = routing_host();
    on.fails_at = "check-ipvlan";
    EXPECT_EQ(refusal_of([&] { started(of_kind("ipvlan"), on); }), "The host failed: check-ipvlan lan0");
}

TEST(IpvlanNic, IsCheckedAsLxdDoesAndNotHotplugged) {
    auto on = routing_host();
    EXPECT_EQ(refusal_of(of_kind("ipvlan", {{"mode", "l4"}})),
              "Invalid value for device option \"mode\": Must be one of: l3s, l2");
    EXPECT_EQ(refusal_of(of_kind("ipvlan", {{"ipv4.gateway", "192.0.2.1"}})),
              "Invalid value for device option \"ipv4.gateway\": Invalid gateway: 192.0.2.1");
    EXPECT_EQ(refusal_of(of_kind("ipvlan", {{"mode", "l2"}, {"ipv4.address", "192.0.2.1/16"}})), "");
    EXPECT_EQ(refusal_of([&] { attach(of_kind("ipvlan"), on); }), "Device cannot be started when instance is running");
}

} // namespace
} // namespace devices
