#include "daemon/devices/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/devices/node_files.h"
#include "test/fakes/device_host.h"
#include "test/unit/devices/owner.h"

namespace devices {
namespace {

using fakes::FakeDeviceHost;
using schema::LxcItem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const schema::Device fuse = {{"type", "unix-char"}, {"path", "/dev/fuse"}};

schema::Device with(schema::Device device, const std::string& option, const std::string& value) {
    device[option] = value;
    return device;
}

FakeDeviceHost host() {
    FakeDeviceHost result;
    result.node_host.has("/dev/fuse", 'c', 10, 229);
    result.node_host.has("/dev/loop0", 'b', 7, 0);
    return result;
}

TEST(NodeFiles, NamesAreLxds) {
    EXPECT_EQ(node_prefix("unix", "my-dev") + encoded_path("dev/bus-x/1"), "unix.my--dev.dev-bus--x-1");
    EXPECT_EQ(path_of_node("unix.my--dev.dev-bus--x-1"), "/dev/bus-x/1");
    EXPECT_EQ(path_of_node("infiniband.unix.ib0.dev-infiniband-umad0"), "/dev/infiniband/umad0");
    EXPECT_EQ(path_of_node("disk.a.mnt"), "");
    EXPECT_EQ(path_of_node(".change-1"), "");
}

TEST(NodeFiles, NoDevicesPrefixIsAnothers) {
    EXPECT_EQ(node_prefix("unix", "a"), "unix.a.");
    EXPECT_EQ(node_prefix("unix", "a.b"), "unix.a%2eb.");
}

TEST(UnixNode, IsMadeForTheContainersIdsAndBound) {
    auto on = host();
    const auto start = make_device("f", with(fuse, "uid", "5"))->start(container(), on, 0);
    EXPECT_THAT(on.actions, ElementsAre("node /devices/c1/unix.f.dev-fuse c 10:229 660 100005:100000"));
    EXPECT_THAT(start.items, ElementsAre(LxcItem{"lxc.mount.entry",
                                                 "/devices/c1/unix.f.dev-fuse dev/fuse none bind,create=file 0 0"}));
}

TEST(UnixNode, MayBeOpenedByAPrivilegedContainer) {
    for (const auto& [version, key] : {std::pair(1, "lxc.cgroup.devices.allow"), {2, "lxc.cgroup2.devices.allow"}}) {
        auto on = host();
        on.node_host.controllers["devices"] = version;
        const auto start = make_device("f", fuse)->start(container(true), on, 0);
        EXPECT_EQ(start.items.back(), (LxcItem{key, "c 10:229 rwm"}));
    }
}

TEST(UnixNode, HasOptionsOfItsOwn) {
    auto on = host();
    schema::Device device = {{"type", "unix-block"}, {"source", "/dev/loop0"}, {"path", "/dev/disk"}, {"mode", "0600"},
                             {"gid", "6"},           {"major", "8"},           {"minor", "1"}};
    make_device("d", device)->attach(container(true), on);
    EXPECT_THAT(on.actions,
                ElementsAre("node /devices/c1/unix.d.dev-disk b 8:1 600 0:6",
                            "mount c1 /devices/c1/unix.d.dev-disk /dev/disk", "cgroup c1 devices.allow b 8:1 rwm"));
}

TEST(UnixNode, IsTakenOutOfARunningContainer) {
    auto on = host();
    const auto device = make_device("f", fuse);
    device->attach(container(true), on);
    on.actions.clear();
    device->detach(container(true), on);
    EXPECT_THAT(on.actions, ElementsAre("unmount c1 /dev/fuse", "cgroup c1 devices.deny c 10:229 rwm",
                                        "remove /devices/c1/unix.f.dev-fuse"));
}

TEST(UnixNode, LeavesNothingWhenItCannotBeAttached) {
    auto on = host();
    on.fails_at = "mount";
    EXPECT_NE(refusal_of([&] { make_device("f", fuse)->attach(container(), on); }), "");
    EXPECT_FALSE(on.node_host.found.contains("/devices/c1/unix.f.dev-fuse"));
}

TEST(UnixNode, BadOnesAreRefused) {
    auto on = host();
    const std::pair<schema::Device, std::string> unable[] = {
        {with(fuse, "path", "/dev/none"),
         "The required device path doesn't exist and the major and minor settings are not specified"},
        {with(fuse, "type", "unix-block"), "Path specified is not a unix-block device"},
        {with(fuse, "major", "1"), "Both major and minor must be supplied for device: /dev/fuse"},
    };
    for (const auto& [device, text] : unable)
        EXPECT_EQ(refusal_of([&] { make_device("a", device)->start(container(), on, 0); }), text);
    const std::pair<schema::Device, std::string> unfit[] = {
        {{{"type", "unix-char"}}, R"(Unix device entry is missing the required "source" or "path" property)"},
        {with(fuse, "source", "/srv/x"), R"(Invalid value for device option "source": Path needs to be in /dev)"},
        {with(fuse, "major", "x"),
         R"(Invalid value for device option "major": Invalid value for a UNIX device number)"},
        {with(fuse, "uid", "-1"), R"(Invalid value for device option "uid": Invalid value for a UNIX ID)"},
        {with(fuse, "mode", "9"), R"(Invalid value for device option "mode": Invalid value for an octal file mode)"},
        {with(fuse, "path", "/dev/../x"), R"(Invalid value for device option "path": Cannot contain "..")"},
    };
    for (const auto& [device, text] : unfit)
        EXPECT_EQ(refusal_of([&] { check_devices({{"a", device}}); }), "Device validation failed for \"a\": " + text);
}

TEST(UnixNode, WithNumbersNeedsNothingOnTheHost) {
    FakeDeviceHost on;
    make_device("f", with(with(fuse, "major", "10"), "minor", "229"))->start(container(), on, 0);
    EXPECT_THAT(on.actions, ElementsAre("node /devices/c1/unix.f.dev-fuse c 10:229 660 100000:100000"));
}

TEST(UnixNode, ThatIsNotRequiredFollowsItsSource) {
    auto on = host();
    const auto device = make_device("f", with(fuse, "required", "false"));
    EXPECT_THAT(device->follows().paths, ElementsAre("/dev/fuse"));
    EXPECT_THAT(make_device("f", fuse)->follows().paths, IsEmpty());

    on.node_host.found.erase("/dev/fuse");
    EXPECT_THAT(device->start(container(), on, 0).items, IsEmpty());
    EXPECT_FALSE(device->is_outdated(container(), on));

    on.node_host.has("/dev/fuse", 'c', 10, 229);
    EXPECT_TRUE(device->is_outdated(container(), on));
    device->follow(container(), on);
    EXPECT_FALSE(device->is_outdated(container(), on));
    EXPECT_EQ(on.actions.back(), "mount c1 /devices/c1/unix.f.dev-fuse /dev/fuse");

    on.node_host.has("/dev/fuse", 'c', 10, 230); // another device of this name
    device->follow(container(), on);
    EXPECT_EQ(on.node_host.found["/devices/c1/unix.f.dev-fuse"].numbers.minor, 230U);

    on.node_host.found.erase("/dev/fuse");
    device->follow(container(), on);
    EXPECT_EQ(on.actions.back(), "remove /devices/c1/unix.f.dev-fuse");
}

TEST(UnixNode, SharedWithAnotherDeviceIsShownOnce) {
    auto on = host();
    make_device("a", fuse)->attach(container(), on);
    on.actions.clear();
    const auto second = make_device("b", fuse);
    second->attach(container(), on);
    second->detach(container(), on);
    EXPECT_THAT(on.actions, ElementsAre("node /devices/c1/unix.b.dev-fuse c 10:229 660 100000:100000",
                                        "remove /devices/c1/unix.b.dev-fuse"));
}

TEST(UnixNode, OfANestedDaemonIsTheHostsOwn) {
    auto on = host();
    on.node_host.nested = true;
    EXPECT_EQ(make_device("f", fuse)->start(container(true), on, 0).items.size(), 1U) << "no rule";
    EXPECT_EQ(refusal_of([&] { make_device("f", with(fuse, "mode", "0600"))->start(container(), on, 0); }),
              "The \"mode\" property may not be set when adding a device to a nested container");
}

} // namespace
} // namespace devices
