#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/devices/node.h"
#include "test/fakes/device_host.h"
#include "test/unit/devices/owner.h"

namespace devices {
namespace {

using fakes::FakeDeviceHost;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PluggedDevice plugged(const std::string& vendor, const std::string& product, const std::string& path, unsigned minor) {
    return {vendor, product, {path, {'c', 189, minor}, 0664}};
}

FakeDeviceHost host() {
    FakeDeviceHost result;
    result.node_host.usb = {plugged("0951", "1666", "/dev/bus/usb/001/002", 1),
                            plugged("0951", "1643", "/dev/bus/usb/001/003", 2),
                            plugged("1d6b", "0002", "/dev/bus/usb/001/001", 0)};
    return result;
}

TEST(Usb, AllOfAVendorAreGivenWithTheHostsPermissions) {
    auto on = host();
    make_device("u", {{"type", "usb"}, {"vendorid", "0951"}})->start(container(), on, 0);
    EXPECT_THAT(on.actions, ElementsAre("node /devices/c1/unix.u.dev-bus-usb-001-002 c 189:1 664 100000:100000",
                                        "node /devices/c1/unix.u.dev-bus-usb-001-003 c 189:2 664 100000:100000"));
}

TEST(Usb, OneThatIsRequiredIsMissedAtAStartOnly) {
    auto on = host();
    const auto device = make_device("u", {{"type", "usb"}, {"productid", "1666"}, {"required", "true"}});
    device->start(container(), on, 0);
    on.node_host.usb.clear();
    device->follow(container(), on);
    EXPECT_EQ(refusal_of([&] { device->start(container(), on, 0); }), "Required USB device not found");
    EXPECT_TRUE(device->follows().hardware);
}

TEST(Usb, FollowsWhatIsPluggedInAndOut) {
    auto on = host();
    const auto device = make_device("u", {{"type", "usb"}, {"vendorid", "0951"}});
    device->attach(container(true), on);
    on.node_host.usb = {plugged("0951", "1643", "/dev/bus/usb/001/003", 2),
                        plugged("0951", "1666", "/dev/bus/usb/001/009", 8)};
    on.actions.clear();
    ASSERT_TRUE(device->is_outdated(container(true), on));
    device->follow(container(true), on);
    EXPECT_THAT(on.actions, ElementsAre("unmount c1 /dev/bus/usb/001/002", "cgroup c1 devices.deny c 189:1 rwm",
                                        "remove /devices/c1/unix.u.dev-bus-usb-001-002",
                                        "node /devices/c1/unix.u.dev-bus-usb-001-009 c 189:8 664 0:0",
                                        "mount c1 /devices/c1/unix.u.dev-bus-usb-001-009 /dev/bus/usb/001/009",
                                        "cgroup c1 devices.allow c 189:8 rwm"));
    EXPECT_FALSE(device->is_outdated(container(true), on));
}

TEST(UnixHotplug, IsWhatUdevKnows) {
    auto on = host();
    on.node_host.plugged = {{"10c4", "ea60", {"/dev/ttyUSB0", {'c', 188, 0}, 0660}},
                            {"10c4", "ea61", {"/dev/ttyUSB1", {'c', 188, 1}, 0660}}};
    make_device("h", {{"type", "unix-hotplug"}, {"vendorid", "10c4"}, {"productid", "ea61"}})
        ->start(container(), on, 0);
    EXPECT_THAT(on.actions, ElementsAre("node /devices/c1/unix.h.dev-ttyUSB1 c 188:1 660 100000:100000"));
    EXPECT_EQ(refusal_of([] { check_devices({{"h", {{"type", "unix-hotplug"}}}}); }),
              "Device validation failed for \"h\": Unix hotplug devices require a vendorid or a productid");
}

FakeDeviceHost host_with_cards() {
    FakeDeviceHost result;
    schema::resources::GpuCard intel;
    intel.vendor_id = "8086";
    intel.pci_address = "0000:00:02.0";
    intel.drm.emplace();
    intel.drm->card_name = "card0";
    intel.drm->card_device = "226:0";
    intel.drm->render_name = "renderD128";
    intel.drm->render_device = "226:128";
    schema::resources::GpuCard nvidia;
    nvidia.vendor_id = "10de";
    nvidia.pci_address = "0000:0a:00.0";
    nvidia.nvidia.emplace();
    nvidia.nvidia->card_name = "nvidia0";
    nvidia.nvidia->card_device = "195:0";
    nvidia.nvidia->uuid = "GPU-1";
    result.node_host.cards.cards = {intel, nvidia};
    for (const auto* address : {"0000:00:02.0", "0000:0a:00.0"})
        result.paths[std::string("/sys/bus/pci/devices/") + address] = PathKind::directory;
    result.node_host.has("/dev/dri/card0", 'c', 226, 0);
    result.node_host.has("/dev/dri/renderD128", 'c', 226, 128);
    result.node_host.has("/dev/nvidia0", 'c', 195, 0);
    result.node_host.has("/dev/nvidiactl", 'c', 195, 255);
    return result;
}

std::vector<std::string> targets(const Start& start) {
    std::vector<std::string> paths;
    for (const auto& item : start.items) {
        const auto first = item.value.find(' ') + 1;
        paths.push_back(item.value.substr(first, item.value.find(' ', first) - first));
    }
    return paths;
}

TEST(Gpu, IsAllNodesOfItsCards) {
    auto on = host_with_cards();
    EXPECT_THAT(targets(make_device("g", {{"type", "gpu"}})->start(container(), on, 0)),
                ElementsAre("dev/dri/card0", "dev/dri/renderD128", "dev/nvidia0", "dev/nvidiactl"));
}

TEST(Gpu, IsChosenByVendorAddressOrNumber) {
    for (const auto& [key, value] : {std::pair("vendorid", "8086"), {"pci", "00:02.0"}, {"id", "0"}}) {
        auto on = host_with_cards();
        auto paths = targets(make_device("g", {{"type", "gpu"}, {key, value}})->start(container(), on, 0));
        std::erase_if(paths, [](const std::string& path) { return path.starts_with("dev/nvidia"); });
        EXPECT_THAT(paths, ElementsAre("dev/dri/card0", "dev/dri/renderD128")) << key;
    }
    auto on = host_with_cards();
    EXPECT_THAT(targets(make_device("g", {{"type", "gpu"}, {"pci", "0A:00.0"}})->start(container(), on, 0)),
                ElementsAre("dev/nvidia0", "dev/nvidiactl"));
}

TEST(Gpu, LeavesNvidiasDriverToItsHook) {
    auto on = host_with_cards();
    auto of = container();
    of.config["nvidia.runtime"] = "true";
    EXPECT_THAT(targets(make_device("g", {{"type", "gpu"}, {"vendorid", "10de"}})->start(of, on, 0)),
                ElementsAre("dev/nvidia0"));
}

TEST(Gpu, ThatIsNotThereIsRefused) {
    auto on = host_with_cards();
    EXPECT_EQ(refusal_of([&] { make_device("g", {{"type", "gpu"}, {"vendorid", "1002"}})->start(container(), on, 0); }),
              "Failed to detect requested GPU device");
    EXPECT_EQ(refusal_of([&] { make_device("g", {{"type", "gpu"}, {"pci", "ff:00.0"}})->attach(container(), on); }),
              "Invalid PCI address (no device found): 0000:ff:00.0");
    EXPECT_EQ(refusal_of([] { check_devices({{"g", {{"type", "gpu"}, {"pci", "00:02.0"}, {"id", "0"}}}}); }),
              "Device validation failed for \"g\": Cannot use \"id\" when when \"pci\" is set");
}

TEST(MigGpu, IsNamedToNvidiasHookAtAStart) {
    auto on = host_with_cards();
    auto of = container();
    const schema::Device options = {
        {"type", "gpu"}, {"gputype", "mig"}, {"vendorid", "10de"}, {"mig.gi", "3"}, {"mig.ci", "1"}};
    const auto device = make_device("m", options);
    EXPECT_FALSE(device->can_hotplug());
    EXPECT_EQ(refusal_of([&] { device->start(of, on, 0); }), "nvidia.runtime must be set to true for MIG GPUs to work");
    of.config["nvidia.runtime"] = "true";
    EXPECT_EQ(refusal_of([&] { device->start(of, on, 0); }), "MIG device gi=3 ci=1 doesn't exist on GPU 0");
    on.paths["/proc/driver/nvidia/capabilities/gpu0/mig/gi3/ci1/access"] = PathKind::file;
    EXPECT_THAT(device->start(of, on, 0).items,
                ElementsAre(schema::LxcItem{"lxc.environment", "NVIDIA_VISIBLE_DEVICES=MIG-GPU-1/3/1"}));
}

TEST(MachineDevices, AreForProfilesAlone) {
    const schema::Devices devices = {{"p", {{"type", "pci"}, {"address", "00:01.0"}}},
                                     {"g", {{"type", "gpu"}, {"gputype", "sriov"}}}};
    check_profile_devices(devices);
    EXPECT_THAT(refusal_of([&] { check_devices(devices); }), HasSubstr("Unsupported device type"));
    auto expanded = devices;
    expanded["root"] = {{"type", "disk"}, {"path", "/"}, {"pool", "default"}};
    check_expanded_devices(expanded);
    auto on = host_with_cards();
    for (const auto& [name, options] : devices) {
        EXPECT_THAT(make_device(name, options)->start(container(), on, 0).items, IsEmpty());
    }
}

TEST(Tpm, IsAnEmulatorAndTwoNodes) {
    auto on = host();
    const auto device = make_device("t", {{"type", "tpm"}, {"path", "/dev/tpm0"}, {"pathrm", "/dev/tpmrm0"}});
    device->attach(container(), on);
    EXPECT_THAT(on.actions,
                ElementsAre("start-tpm /pool/c1/tpm.t", "node /devices/c1/unix.t.dev-tpm0 c 253:1 660 100000:100000",
                            "mount c1 /devices/c1/unix.t.dev-tpm0 /dev/tpm0",
                            "node /devices/c1/unix.t.dev-tpmrm0 c 253:65537 660 100000:100000",
                            "mount c1 /devices/c1/unix.t.dev-tpmrm0 /dev/tpmrm0"));
    on.actions.clear();
    device->detach(container(), on);
    EXPECT_EQ(on.actions.back(), "stop-tpm /devices/c1/t.pid");
}

TEST(Tpm, EndsItsEmulatorWhenItCannotBeAttached) {
    auto on = host();
    on.fails_at = "mount";
    const auto device = make_device("t", {{"type", "tpm"}, {"path", "/dev/tpm0"}, {"pathrm", "/dev/tpmrm0"}});
    EXPECT_NE(refusal_of([&] { device->attach(container(), on); }), "");
    EXPECT_EQ(on.actions.back(), "stop-tpm /devices/c1/t.pid");
    EXPECT_THAT(on.node_host.found, IsEmpty());
}

} // namespace
} // namespace devices
