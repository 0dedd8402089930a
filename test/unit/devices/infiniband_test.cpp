#include "daemon/devices/infiniband.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/fakes/device_host.h"
#include "test/unit/devices/owner.h"

namespace devices {
namespace {

using fakes::FakeDeviceHost;
using schema::LxcItem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const schema::Device physical = {
    {"type", "infiniband"}, {"nictype", "physical"}, {"parent", "ib0"}, {"name", "ib0"}, {"mtu", "2044"}};

schema::resources::NetworkPort port(const std::string& id, const std::string& adapter) {
    schema::resources::NetworkPort result;
    result.id = id;
    result.protocol = "infiniband";
    result.infiniband.emplace();
    result.infiniband->mad_name = "umad" + adapter;
    result.infiniband->verb_name = "uverbs" + adapter;
    return result;
}

const std::string address = "a0:00:0f:c0:fe:80:00:00:00:00:00:00:4a:c8:f9:1b:aa:57:ef:19";

FakeDeviceHost host() {
    FakeDeviceHost result;
    schema::resources::NetworkCard card;
    card.ports = {port("ib0", "0")};
    card.sriov.emplace();
    card.sriov->vfs.emplace_back().ports = {port("ib1", "1")};
    result.node_host.network.cards = {card};
    for (unsigned i = 0; i < 2; ++i) {
        result.node_host.has("/dev/infiniband/umad" + std::to_string(i), 'c', 231, i);
        result.node_host.has("/dev/infiniband/uverbs" + std::to_string(i), 'c', 231, 192 + i);
        result.network().interfaces["ib" + std::to_string(i)] = {4092, address};
    }
    return result;
}

Owner prepared(const Device& device, FakeDeviceHost& on) {
    auto owner = container();
    owner.config = device.prepare(owner, on);
    return owner;
}

TEST(Infiniband, IsAnInterfaceAndTheNodesOfItsAdapter) {
    auto on = host();
    const auto device = make_device("ib", physical);
    const auto owner = prepared(*device, on);
    EXPECT_EQ(owner.config.at("volatile.ib.host_name"), "ib0");
    EXPECT_EQ(owner.config.at("volatile.ib.last_state.mtu"), "4092");
    EXPECT_THAT(device->start(owner, on, 1).items,
                ElementsAre(LxcItem{"lxc.mount.entry", "/devices/c1/infiniband.unix.ib.dev-infiniband-umad0 "
                                                       "dev/infiniband/umad0 none bind,create=file 0 0"},
                            LxcItem{"lxc.mount.entry", "/devices/c1/infiniband.unix.ib.dev-infiniband-uverbs0 "
                                                       "dev/infiniband/uverbs0 none bind,create=file 0 0"},
                            LxcItem{"lxc.net.1.type", "phys"}, LxcItem{"lxc.net.1.flags", "up"},
                            LxcItem{"lxc.net.1.link", "ib0"}, LxcItem{"lxc.net.1.name", "ib0"}));
    EXPECT_EQ(on.network().interfaces["ib0"].mtu, 2044);
    device->stopped(owner, on);
    EXPECT_EQ(on.network().interfaces["ib0"].mtu, 4092) << "the host has it back as it was";
    EXPECT_THAT(on.node_host.names_in("/devices/c1"), IsEmpty());
}

TEST(Infiniband, TakesTheEndOfAnAddress) {
    auto on = host();
    auto options = physical;
    options["hwaddr"] = "11:22:33:44:55:66:77:88";
    const auto device = make_device("ib", options);
    device->attach(prepared(*device, on), on);
    EXPECT_THAT(on.actions, Contains("hwaddr ib0 a0:00:0f:c0:fe:80:00:00:00:00:00:00:11:22:33:44:55:66:77:88"));
}

TEST(Infiniband, OfSriovIsAFreeFunction) {
    auto on = host();
    auto options = physical;
    options["nictype"] = "sriov";
    const auto device = make_device("ib", options);
    auto owner = prepared(*device, on);
    EXPECT_EQ(owner.config.at("volatile.ib.host_name"), "ib1");
    device->attach(owner, on);
    EXPECT_THAT(on.actions, Contains("mount c1 /devices/c1/infiniband.unix.ib.dev-infiniband-umad1 "
                                     "/dev/infiniband/umad1"));
    on.node_host.network.cards.front().sriov->vfs.clear(); // it went into the container
    EXPECT_EQ(refusal_of([&] { device->start(prepared(*device, on), on, 0); }),
              "All virtual functions on parent device are already in use");
}

TEST(Infiniband, WhatIsMissingIsNamed) {
    auto on = host();
    auto unnamed = physical;
    unnamed.erase("name");
    EXPECT_EQ(refusal_of([&] { make_device("ib", unnamed)->start(container(), on, 0); }),
              "Requires name property to start");
    auto elsewhere = physical;
    elsewhere["parent"] = "ib7";
    EXPECT_EQ(refusal_of([&] { make_device("ib", elsewhere)->start(container(), on, 0); }),
              "Parent device 'ib7' doesn't exist");
    on.node_host.network.cards.clear();
    EXPECT_EQ(refusal_of([&] { make_device("ib", physical)->start(container(), on, 0); }),
              "Specified infiniband device \"ib0\" not found");
    auto bad = physical;
    bad["hwaddr"] = "11:22";
    EXPECT_EQ(refusal_of([&] { check_devices({{"ib", bad}}); }),
              "Device validation failed for \"ib\": Invalid value for device option \"hwaddr\": Invalid value, must be "
              "either 8 or 20 bytes of hex separated by colons");
}

} // namespace
} // namespace devices
