#include "daemon/devices/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/error.h"
#include "test/fakes/device_host.h"

namespace devices {
namespace {

using fakes::FakeDeviceHost;
using schema::LxcItem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <class Attempt> std::string refusal_of(Attempt attempt) {
    try {
        attempt();
    } catch (const schema::Error& error) {
        return error.what();
    }
    return "";
}

std::string refusal_of(const schema::Devices& devices) {
    return refusal_of([&] { check_devices(devices); });
}

const schema::Device root = {{"type", "disk"}, {"path", "/"}, {"pool", "default"}};
const schema::Device bind = {{"type", "disk"}, {"path", "/mnt/x"}, {"source", "/src"}};
const schema::Device bridged = {{"type", "nic"}, {"nictype", "bridged"}, {"parent", "br0"}};
const schema::Device p2p = {{"type", "nic"}, {"nictype", "p2p"}};

schema::Device with(schema::Device device, const std::string& option, const std::string& value) {
    device[option] = value;
    return device;
}

Owner owner() {
    Owner result;
    result.instance = "c1";
    result.config = {{"volatile.eth0.hwaddr", "00:16:3e:00:00:01"}, {"volatile.eth0.name", "eth0"}};
    result.id_map = {{true, true, 100000, 0, 65536}};
    result.rootfs = "/pool/c1/rootfs";
    result.devices_path = "/var/lib/lxd/devices/c1";
    return result;
}

FakeDeviceHost host() {
    FakeDeviceHost result;
    result.paths = {{"/src", PathKind::directory}, {"/src/file", PathKind::file}, {"/dev/sda", PathKind::block_device}};
    result.network().interfaces = {{"br0", {1450, ""}}};
    return result;
}

TEST(DeviceChecks, BadOnesAreRefusedWithLxdsTexts) {
    const std::pair<schema::Devices, std::string> table[] = {
        {{{"a", {{"type", "foo"}}}},
         "Device validation failed for \"a\": Failed loading device \"a\": Unsupported device type"},
        {{{"a", {{"type", "nic"}, {"network", "nope"}}}},
         "Device validation failed for \"a\": Failed loading device \"a\": Failed to load network \"nope\" for project "
         "\"default\": Network not found"},
        {{{"a", {{"type", "nic"}, {"nictype", "bridged"}}}},
         "Device validation failed for \"a\": Invalid value for device option \"parent\": Required value"},
        {{{".a", {{"type", "none"}}}}, "Device validation failed for \".a\": Name must not start with \".\" character"},
        {{{"a", {{"type", "disk"}, {"path", "/x"}}}},
         "Device validation failed for \"a\": Disk entry is missing the required \"source\" or \"path\" property"},
        {{{"a", {{"type", "disk"}, {"path", "/"}}}},
         "Device validation failed for \"a\": Root disk entry must have a \"pool\" property set"},
        {{{"a", with(root, "source", "/x")}},
         "Device validation failed for \"a\": Root disk entry may not have a \"source\" property set"},
        {{{"a", with(bind, "source", "x")}},
         "Device validation failed for \"a\": Source path must be absolute for local sources"},
        {{{"a", with(bind, "pool", "default")}},
         "Device validation failed for \"a\": Storage volumes cannot be specified as absolute paths"},
        {{{"a", with(bind, "path", "/a/../../b")}},
         "Device validation failed for \"a\": Invalid value for device option \"path\": Cannot contain \"..\""},
        {{{"a", bind}, {"b", bind}},
         "Device validation failed for \"b\": More than one disk device uses the same path \"/mnt/x\""},
    };
    for (const auto& [devices, text] : table) EXPECT_EQ(refusal_of(devices), text);
    EXPECT_EQ(refusal_of({{"root", root}, {"a", bind}, {"eth0", bridged}, {"p", p2p}, {"n", {{"type", "none"}}}}), "");
}

TEST(DeviceChecks, AnInstanceHasOneRootDisk) {
    const auto refusal = [](const schema::Devices& devices) {
        return refusal_of([&] { check_expanded_devices(devices); });
    };
    EXPECT_EQ(refusal({}), "Failed detecting root disk device: No root device could be found");
    EXPECT_EQ(refusal({{"a", root}, {"b", root}}),
              "Failed detecting root disk device: More than one root device found");
    EXPECT_EQ(refusal({{"a", root}}), "");
    EXPECT_EQ(root_disk({{"a", root}, {"b", bind}}), "a");
}

TEST(DeviceChecks, InterfaceNamesAreUnique) {
    EXPECT_EQ(
        refusal_of([] {
            check_expanded_devices({{"a", with(p2p, "name", "eth0")}, {"b", with(p2p, "name", "eth0")}, {"r", root}});
        }),
        "Device validation failed for \"b\": Invalid value for device option \"name\": Duplicate NIC name detected "
        "\"eth0\"");
}

TEST(Devices, StartWithNetworkThenTheRootThenDisksByPath) {
    EXPECT_THAT(
        start_order(
            {{"a", bind}, {"b", {{"type", "none"}}}, {"eth0", p2p}, {"r", root}, {"z", with(bind, "path", "/mnt")}}),
        ElementsAre("eth0", "r", "z", "a", "b"));
}

TEST(Devices, MissingAddressesAndNamesAreChosen) {
    auto on = host();
    const schema::Devices devices = {
        {"a", p2p}, {"b", with(p2p, "name", "eth0")}, {"c", with(p2p, "hwaddr", "00:16:3e:11:11:11")}, {"r", root}};
    EXPECT_EQ(missing_volatile(devices, {{"volatile.a.name", "eth5"}}, on),
              (schema::Config{{"volatile.a.hwaddr", "00:16:3e:00:00:01"},
                              {"volatile.b.hwaddr", "00:16:3e:00:00:02"},
                              {"volatile.c.name", "eth1"}}));
}

TEST(Devices, WhatWasChosenForDevicesThatAreGoneIsForgotten) {
    auto on = host();
    const schema::Devices devices = {{"a", with(p2p, "name", "lan")}, {"b", {{"type", "none"}}}};
    const schema::Config config = {{"volatile.a.hwaddr", "00:16:3e:00:00:01"},
                                   {"volatile.b.name", "eth0"},
                                   {"volatile.c.d.hwaddr", "00:16:3e:00:00:02"},
                                   {"volatile.uuid", "1"}};
    EXPECT_EQ(missing_volatile(devices, config, on),
              (schema::Config{{"volatile.b.name", ""}, {"volatile.c.d.hwaddr", ""}}));
}

TEST(RootDisk, IsTheRootFilesystem) {
    auto on = host();
    auto of = owner();
    EXPECT_THAT(make_device("root", root)->start(of, on, 0).items,
                ElementsAre(LxcItem{"lxc.rootfs.path", "dir:/pool/c1/rootfs"}));
    of.idmapped_rootfs = true;
    EXPECT_THAT(make_device("root", with(root, "readonly", "true"))->start(of, on, 0).items,
                ElementsAre(LxcItem{"lxc.rootfs.path", "dir:/pool/c1/rootfs"},
                            LxcItem{"lxc.rootfs.options", "idmap=container,ro"}));
}

TEST(Disk, IsStagedForAContainerWhoseRootMayNotReachTheSource) {
    auto on = host();
    const auto start = make_device("d-1", with(bind, "readonly", "1"))->start(owner(), on, 0);
    const std::string staged = "/var/lib/lxd/devices/c1/disk.d--1.mnt-x";
    EXPECT_THAT(start.items, ElementsAre(LxcItem{"lxc.mount.entry", staged + " mnt/x none ro,bind,create=dir 0 0"}));
    EXPECT_THAT(on.actions, ElementsAre("stage /src " + staged + " ro"));
    start.after_start();
    EXPECT_THAT(on.staged, IsEmpty());
}

TEST(Disk, IsStagedForAPrivilegedContainerToo) {
    auto on = host();
    auto of = owner();
    of.id_map.clear();
    on.paths["/a b"] = PathKind::file;
    const auto start = make_device("d", with(with(bind, "source", "/a b"), "shift", "true"))->start(of, on, 0);
    const std::string staged = "/var/lib/lxd/devices/c1/disk.d.mnt-x";
    EXPECT_THAT(start.items, ElementsAre(LxcItem{"lxc.mount.entry", staged + " mnt/x none bind,create=file 0 0"}));
    EXPECT_THAT(on.actions, ElementsAre("stage /a b " + staged));
}

TEST(Disk, ShiftsOwnersWithTheContainersMap) {
    auto on = host();
    const auto start = make_device("d", with(bind, "shift", "true"))->start(owner(), on, 0);
    const std::string staged = "/var/lib/lxd/devices/c1/disk.d.mnt-x";
    EXPECT_THAT(start.items, ElementsAre(LxcItem{"lxc.mount.entry", staged + " mnt/x none bind,create=dir 0 0"}));
    EXPECT_THAT(on.actions, ElementsAre("stage /src " + staged, "map " + staged));
}

TEST(Disk, CannotBeShiftedWhereTheFilesystemHasNoMaps) {
    auto on = host();
    on.maps_ids = false;
    const auto device = make_device("d", with(bind, "shift", "true"));
    EXPECT_EQ(refusal_of([&] { device->start(owner(), on, 0); }), "Required idmapping abilities not available");
    EXPECT_EQ(refusal_of([&] { device->attach(owner(), on); }), "Required idmapping abilities not available");
    auto of = owner();
    of.id_map.clear();
    device->attach(of, on);
}

TEST(Disk, AMissingSourceFailsUnlessItIsNotRequired) {
    auto on = host();
    const auto missing = with(bind, "source", "/nope");
    EXPECT_EQ(refusal_of([&] { make_device("a", missing)->check_host(owner(), on); }),
              "Missing source path \"/nope\" for disk \"a\"");
    EXPECT_THAT(make_device("a", with(missing, "required", "false"))->start(owner(), on, 0).items, IsEmpty());
    EXPECT_THAT(make_device("a", with(missing, "optional", "true"))->start(owner(), on, 0).items, IsEmpty());
}

TEST(Disk, CoversAFileOfTheKernelOnlyWhereThereIsOne) {
    auto on = host();
    const std::string apparmor = "/sys/module/apparmor/parameters/enabled";
    const auto device = make_device("aadisable", with(bind, "path", apparmor));
    EXPECT_THAT(device->start(owner(), on, 0).items, IsEmpty());
    on.paths[apparmor] = PathKind::file;
    EXPECT_EQ(device->start(owner(), on, 0).items.size(), 1U);
}

TEST(Disk, ABlockDeviceIsMountedByItsFilesystem) {
    auto on = host();
    auto device = with(with(bind, "source", "/dev/sda"), "raw.mount.options", "nosuid, commit=9");
    const auto start = make_device("d", device)->start(owner(), on, 0);
    const std::string staged = "/var/lib/lxd/devices/c1/disk.d.mnt-x";
    EXPECT_THAT(on.actions, ElementsAre("stage-disk /dev/sda " + staged + " nosuid, commit=9"));
    EXPECT_THAT(start.items, ElementsAre(LxcItem{"lxc.mount.entry", staged + " mnt/x none bind,create=dir 0 0"}));
    start.after_start();
    on.actions.clear();
    make_device("d", with(device, "readonly", "true"))->attach(owner(), on);
    EXPECT_THAT(on.actions, ElementsAre("stage-disk /dev/sda " + staged + " nosuid, commit=9,ro",
                                        "mount c1 " + staged + " /mnt/x ro nosuid"));
    EXPECT_THAT(on.staged, IsEmpty());
}

TEST(Disk, WhatOnlyVirtualMachinesOrCephHaveIsRefused) {
    auto on = host();
    EXPECT_EQ(refusal_of({{"a", with(bind, "source", "ceph:pool/volume")}}),
              "Device validation failed for \"a\": Ceph and CephFS sources are not supported");
    EXPECT_EQ(refusal_of({{"a", with(bind, "ceph.user_name", "x")}}),
              "Device validation failed for \"a\": Invalid options ceph.cluster_name/ceph.user_name for source "
              "\"/src\"");
    EXPECT_EQ(refusal_of({{"a", with(bind, "size", "1GB")}}),
              "Device validation failed for \"a\": Only the root disk may have a size quota");
    EXPECT_EQ(refusal_of([&] { make_device("a", with(bind, "source", "cloud-init:config"))->attach(owner(), on); }),
              "disks with source=cloud-init:config are only supported by virtual machines");
    EXPECT_EQ(
        refusal_of([&] {
            make_device("a", with(with(bind, "source", "/src/file"), "recursive", "true"))->check_host(owner(), on);
        }),
        "The recursive option is only supported for additional bind-mounted paths");
}

TEST(Disk, IsMountedInARunningContainer) {
    auto on = host();
    auto options = with(with(bind, "readonly", "true"), "shift", "true");
    options["propagation"] = "rslave";
    options["raw.mount.options"] = "noexec,commit=5";
    const auto device = make_device("d", options);
    device->attach(owner(), on);
    device->detach(owner(), on);
    EXPECT_THAT(on.actions, ElementsAre("mount c1 /src /mnt/x ro idmapped rslave noexec", "unmount c1 /mnt/x"));
}

TEST(Disk, IsMountedAtItsPlainPath) {
    for (const auto* path : {"/mnt//x", "/mnt/./x", "/mnt/x/.", "/mnt/x/", "//mnt/x//"}) {
        auto on = host();
        const auto device = make_device("d", with(bind, "path", path));
        device->attach(owner(), on);
        device->detach(owner(), on);
        EXPECT_THAT(on.actions, ElementsAre("mount c1 /src /mnt/x", "unmount c1 /mnt/x")) << path;
    }
}

TEST(None, DoesNothing) {
    auto on = host();
    const auto device = make_device("n", {{"type", "none"}});
    EXPECT_THAT(device->start(owner(), on, 0).items, IsEmpty());
    EXPECT_TRUE(device->attach(owner(), on).empty() && device->detach(owner(), on).empty());
}

} // namespace
} // namespace devices
