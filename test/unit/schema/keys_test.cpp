#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/error.h"
#include "schema/keys/devices.h"
#include "schema/keys/instance.h"
#include "schema/keys/pool.h"
#include "schema/keys/server.h"
#include "schema/keys/volume.h"
#include "schema/raw_lxc.h"

namespace schema {
namespace {

template <class Attempt> std::string refusal_of(Attempt attempt) {
    try {
        attempt();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_request);
        return error.what();
    }
    return "";
}

std::string refusal_of(const Config& config, ConfigOwner owner = ConfigOwner::instance) {
    return refusal_of([&] { check_instance_config(config, owner); });
}

std::string refusal_of_device(const Device& device) {
    return refusal_of([&] { check_device_options(device); });
}

TEST(InstanceKeys, EveryRowIsDocumentedAndFoundByItsName) {
    for (const auto& row : instance_keys()) {
        EXPECT_FALSE(row.words.empty()) << row.name;
        EXPECT_FALSE(row.type.empty()) << row.name;
        EXPECT_EQ(find_instance_key(row.name), &row) << row.name;
    }
}

TEST(InstanceKeys, EveryRowTakesAnEmptyValue) {
    for (const auto& row : instance_keys()) EXPECT_NO_THROW(row.check("")) << row.name;
}

TEST(InstanceKeys, NamespacesTakeAnyNameButNone) {
    EXPECT_NE(find_instance_key("user.a.b"), nullptr);
    EXPECT_EQ(find_instance_key("user."), nullptr);
    EXPECT_EQ(find_instance_key("user"), nullptr);
    EXPECT_EQ(find_instance_key("volatile.eth0.hwaddr")->name, "volatile.*.hwaddr");
    EXPECT_EQ(find_instance_key("volatile.eth0.last_state.hwaddr")->name, "volatile.*.last_state.hwaddr");
    EXPECT_EQ(find_instance_key("volatile.uuid")->name, "volatile.uuid");
}

TEST(InstanceKeys, BadValuesAreRefusedWithLxdsTexts) {
    const std::tuple<std::string, std::string, std::string> table[] = {
        {"foo", "1", "Unknown configuration key: foo"},
        {"limits.memory", "abc", "Invalid value: abc"},
        {"limits.memory", "0", "Memory limit can't be 0"},
        {"limits.memory", "0%", "Memory limit can't be 0%"},
        {"limits.cpu", "abc", "Invalid CPU limit syntax"},
        {"limits.cpu", "1-1-1", "Invalid CPU limit syntax"},
        {"limits.cpu", "1-3,3", "Cannot define CPU multiple times"},
        {"limits.cpu.allowance", "a", "Invalid allowance: a"},
        {"limits.cpu.priority", "11", "Invalid value for a limit \"11\". Must be between 0 and 10"},
        {"limits.processes", "many", "Invalid value for an integer \"many\""},
        {"limits.memory.enforce", "maybe", "Invalid value \"maybe\" (not one of [soft hard])"},
        {"boot.autostart", "maybe", "Invalid value for a boolean \"maybe\""},
        {"raw.lxc", "# one\n\nfoo", "Invalid raw.lxc line: foo (line 3 of raw.lxc)"},
        {"volatile.uuid", "x", "Invalid UUID"},
    };
    for (const auto& [key, value, text] : table) EXPECT_EQ(refusal_of({{key, value}}), text) << key << "=" << value;
}

TEST(InstanceKeys, GoodValuesPass) {
    const Config config = {
        {"limits.memory", "50%"},
        {"limits.cpu", "0-3,7"},
        {"limits.cpu.allowance", "25ms/100ms"},
        {"limits.kernel.nofile", "1000:unlimited"},
        {"boot.autostart", "TRUE"},
        {"user.note", "any\nthing"},
        {"cloud-init.user-data", "#cloud-config\npackages: [a, b]\n"},
        {"volatile.uuid", "651494bf-b63f-44c1-bb9f-8a3bedc97845"},
    };
    EXPECT_EQ(refusal_of(config), "");
}

TEST(InstanceKeys, YamlIsReadToItsEndAndNoFurther) {
    for (const auto* good : {"", "a: 1\n---\nb: 2\n", "---\n---\n", "a: &a [x]\nb: *a\n", "# nothing\n"})
        EXPECT_EQ(refusal_of({{"cloud-init.network-config", good}}), "") << good;
    for (const auto* bad : {",", "- a\n,", "a: [", "*a", "a: b\n--- [\n"})
        EXPECT_THAT(refusal_of({{"cloud-init.network-config", bad}}), testing::StartsWith("yaml: ")) << bad;
}

TEST(InstanceKeys, ALineBreakCannotBecomeAnotherItem) {
    EXPECT_NE(refusal_of({{"environment.A", "1\nlxc.init.cmd = /evil"}}), "");
    EXPECT_NE(refusal_of({{"environment.A\nlxc.init.cmd", "1"}}), "");
    EXPECT_NE(refusal_of({{"linux.sysctl.a", "1\n2"}}), "");
}

TEST(InstanceKeys, ProfilesHaveNoVolatileOrImageKeys) {
    EXPECT_EQ(refusal_of({{"volatile.x", "1"}}, ConfigOwner::profile), "Volatile keys can only be set on instances");
    EXPECT_EQ(refusal_of({{"image.os", "x"}}, ConfigOwner::profile), "Image keys can only be set on instances");
}

TEST(RawLxc, GivesItemsInOrderWithoutComments) {
    const auto items = parse_raw_lxc("# note\n\n lxc.cap.drop = net_raw \nlxc.mount.entry=a b none bind 0 0\r\n");
    const std::vector<LxcItem> expected = {{"lxc.cap.drop", "net_raw"}, {"lxc.mount.entry", "a b none bind 0 0"}};
    EXPECT_EQ(items, expected);
}

TEST(RawLxc, ReadsQuotesAsLiblxcDoesAndSaysWhichLineEachItemIs) {
    const auto items = parse_raw_lxc("\nlxc.environment = 'a b'\nlxc.environment = \"c\nlxc.uts.name = \"\"");
    const std::vector<LxcItem> expected = {
        {"lxc.environment", "a b"}, {"lxc.environment", "\"c"}, {"lxc.uts.name", ""}};
    EXPECT_EQ(items, expected);
    EXPECT_EQ(items.at(1).origin, "raw.lxc line 3");
}

TEST(RawLxc, RefusesWhatTheDaemonOwns) {
    const std::pair<std::string_view, std::string> table[] = {
        {"lxc.log.file = /x", "Setting lxc.logfile is not allowed"},
        {"LXC.LOG.FILE = /x", "Setting lxc.logfile is not allowed"},
        {"lxc.log.syslog = daemon", "Setting lxc.log.syslog is not allowed"},
        {"lxc.ephemeral = 1", "Setting lxc.ephemeral is not allowed"},
        {"lxc.prlimit.nofile = 1",
         "Process limits should be set via \"limits.kernel.[limit name]\" and not directly via \"lxc.prlimit.[limit "
         "name]\""},
        {"lxc.net.0.type = phys", "Only interface-specific ipv4/ipv6 lxc.net. keys are allowed"},
    };
    for (const auto& [line, text] : table)
        EXPECT_EQ(refusal_of([&, l = line] { parse_raw_lxc(l); }), text + " (line 1 of raw.lxc)") << line;
    EXPECT_NO_THROW(parse_raw_lxc("lxc.net.0.ipv4.address = 10.0.0.2/24\nlxc.net.0.ipv6.gateway = fe80::1"));
}

TEST(ServerKeys, UnknownAndIllTypedOnesAreRefused) {
    EXPECT_EQ(refusal_of([] { check_server_config({{"core.foo", "1"}}); }),
              "cannot set 'core.foo' to '1': unknown key");
    EXPECT_EQ(refusal_of([] { check_server_config({{"core.shutdown_timeout", "abc"}}); }),
              "cannot set 'core.shutdown_timeout' to 'abc': invalid integer");
    EXPECT_NO_THROW(check_server_config({{"core.shutdown_timeout", "3"}, {"user.a", "b"}}));
}

TEST(PoolKeys, UnknownOnesAreRefusedAndTheSourceIsFixed) {
    EXPECT_EQ(refusal_of([] { check_pool_config("dir", {{"size", "1GB"}}); }), "Invalid option \"size\"");
    EXPECT_NO_THROW(check_pool_config("dir", {{"source", "/x"}, {"user.a", "b"}}));
    EXPECT_NO_THROW(check_pool_config("btrfs", {{"size", "5GiB"}, {"btrfs.mount_options", "noatime"}}));
    EXPECT_EQ(refusal_of([] { check_pool_config("btrfs", {{"size", "much"}}); }),
              "Invalid value for option \"size\": Invalid value: much");
    EXPECT_EQ(refusal_of([] { check_pool_config("lvm", {{"lvm.use_thinpool", "no"}, {"lvm.thinpool_name", "t"}}); }),
              "The key lvm.use_thinpool cannot be set to false when lvm.thinpool_name is set");
    EXPECT_NO_THROW(check_pool_config("zfs", {{"zfs.clone_copy", "rebase"}, {"volume.zfs.use_refquota", "true"}}));
    EXPECT_NE(refusal_of([] { check_pool_change("dir", {{"source", "/x"}}, {{"source", "/y"}}); }), "");
    EXPECT_NO_THROW(check_pool_change("dir", {{"source", "/x"}}, {{"source", "/x"}, {"user.a", "b"}}));
}

TEST(PoolKeys, DefaultsOfVolumesAreCheckedAsTheVolumesOptions) {
    EXPECT_NO_THROW(check_pool_config("dir", {{"volume.size", "1GiB"}, {"volume.snapshots.expiry", "1d"}}));
    EXPECT_NO_THROW(check_pool_config("lvm", {{"volume.block.filesystem", "xfs"}}));
    EXPECT_EQ(refusal_of([] { check_pool_config("lvm", {{"volume.block.filesystem", "zfs"}}); }),
              "Invalid value for option \"volume.block.filesystem\": Invalid value \"zfs\" (not one of [btrfs ext4 "
              "xfs])");
    EXPECT_EQ(refusal_of([] { check_pool_config("dir", {{"volume.block.filesystem", "xfs"}}); }),
              "Invalid option \"volume.block.filesystem\"");
    EXPECT_EQ(refusal_of([] { check_pool_config("dir", {{"volume.volatile.idmap.last", "[]"}}); }),
              "Invalid option \"volume.volatile.idmap.last\"");
}

TEST(VolumeKeys, EachIsForSomeVolumesAlone) {
    EXPECT_NO_THROW(check_volume_config({"dir"}, "v", {{"size", "1GiB"}, {"security.shifted", "true"}}));
    EXPECT_EQ(refusal_of([] { check_volume_config({"dir"}, "v", {{"block.filesystem", "ext4"}}); }),
              "Invalid option for volume \"v\" option \"block.filesystem\"");
    EXPECT_EQ(refusal_of([] { check_volume_config({"dir", "custom", "block"}, "v", {{"security.shifted", "true"}}); }),
              "Invalid option for volume \"v\" option \"security.shifted\"");
    EXPECT_EQ(refusal_of([] { check_volume_config({"dir"}, "v", {{"size", "much"}}); }),
              "Invalid value for volume \"v\" option \"size\": Invalid value: much");
    EXPECT_NO_THROW(check_volume_config({"lvm"}, "v", {{"lvm.stripes", "2"}}));
    EXPECT_EQ(refusal_of([] { check_volume_config({"lvm", "custom", "block", true}, "v", {{"lvm.stripes", "2"}}); }),
              "lvm.stripes cannot be used with thin pool volumes");
}

TEST(VolumeKeys, SchedulesKnowNothingOfStarts) {
    const auto form = "Schedule must be of the form: <minute> <hour> <day-of-month> <month> <day-of-week>";
    EXPECT_NO_THROW(check_volume_config({"dir"}, "v", {{"snapshots.schedule", "@Daily, 5 * * * *"}}));
    for (const auto* value : {"@never", "@startup", "@daily, @NEVER"}) {
        EXPECT_EQ(refusal_of([&] { check_volume_config({"dir"}, "v", {{"snapshots.schedule", value}}); }),
                  fmt::format("Invalid value for volume \"v\" option \"snapshots.schedule\": {}", form));
        EXPECT_EQ(refusal_of([&] { check_pool_config("dir", {{"volume.snapshots.schedule", value}}); }),
                  fmt::format("Invalid value for option \"volume.snapshots.schedule\": {}", form));
    }
}

TEST(VolumeKeys, ANewVolumeHasItsPoolsDefaults) {
    const Config pool{{"source", "/x"},
                      {"volume.size", "2GiB"},
                      {"volume.security.shifted", "true"},
                      {"volume.snapshots.expiry", "1d"}};
    EXPECT_EQ(with_volume_defaults({"dir"}, {{"size", "1GiB"}, {"user.a", ""}}, pool),
              (Config{{"security.shifted", "true"}, {"size", "1GiB"}, {"snapshots.expiry", "1d"}}));
    EXPECT_EQ(with_volume_defaults({"dir", "custom", "block"}, {}, pool),
              (Config{{"size", "2GiB"}, {"snapshots.expiry", "1d"}}));
    EXPECT_EQ(with_volume_defaults({"dir", "container"}, {}, pool), (Config{{"snapshots.expiry", "1d"}}));
    const Config lvm_pool{{"volume.lvm.stripes", "2"}, {"volume.block.mount_options", "noatime"}};
    EXPECT_EQ(with_volume_defaults({"lvm"}, {}, lvm_pool),
              (Config{{"block.filesystem", "ext4"}, {"block.mount_options", "noatime"}, {"lvm.stripes", "2"}}));
    EXPECT_EQ(with_volume_defaults({"lvm", "custom", "filesystem", true}, {{"block.filesystem", "xfs"}}, {}),
              (Config{{"block.filesystem", "xfs"}, {"block.mount_options", "discard"}}));
    EXPECT_EQ(with_volume_defaults({"lvm", "custom", "block", true}, {}, lvm_pool), Config{});
}

TEST(VolumeKeys, OptionsOfAnotherDriverStayBehind) {
    EXPECT_EQ(without_unknown_options({"dir"}, {{"lvm.stripes", "2"}, {"size", "1GiB"}, {"user.a", "b"}}),
              (Config{{"size", "1GiB"}, {"user.a", "b"}}));
}

TEST(DeviceOptions, EveryRowIsDocumented) {
    for (const auto& type : device_types()) {
        for (const auto& option : type.options) EXPECT_FALSE(option.words.empty()) << type.type << " " << option.name;
    }
}

TEST(DeviceOptions, BadOnesAreRefusedWithLxdsTexts) {
    EXPECT_EQ(refusal_of_device({}), "Missing device type in config");
    EXPECT_EQ(refusal_of_device({{"type", "foo"}}), "Unsupported device type");
    EXPECT_EQ(refusal_of_device({{"type", "nic"}}), "Unsupported device type");
    EXPECT_EQ(refusal_of_device({{"type", "none"}, {"x", "y"}}), "Invalid device option \"x\"");
    EXPECT_EQ(refusal_of_device({{"type", "nic"}, {"nictype", "p2p"}, {"name", "e"}}),
              "Invalid value for device option \"name\": Network interface is too short (minimum 2 characters)");
    EXPECT_EQ(refusal_of_device({{"type", "nic"}, {"nictype", "p2p"}, {"hwaddr", "00-16-3e-00-00-00"}}),
              "Invalid value for device option \"hwaddr\": Invalid MAC address, must be 6 bytes of hex separated by "
              "colons");
    EXPECT_EQ(refusal_of_device({{"type", "nic"}, {"nictype", "p2p"}, {"mtu", "100"}}),
              "Invalid value for device option \"mtu\": Out of MTU range (1280-16384) \"100\"");
    EXPECT_EQ(refusal_of_device({{"type", "disk"}, {"path", "/"}, {"readonly", "x"}}),
              "Invalid value for device option \"readonly\": Invalid value for a boolean \"x\"");
    EXPECT_EQ(refusal_of_device({{"type", "disk"}, {"path", "/"}, {"user.note", "x"}}), "");
}

TEST(DeviceOptions, OnlyLiveOnesChangeWithoutReplacing) {
    const Device nic = {{"type", "nic"}, {"nictype", "p2p"}};
    auto other = nic;
    other["boot.priority"] = "1";
    EXPECT_TRUE(may_change_live(nic, other));
    other["mtu"] = "1400";
    EXPECT_FALSE(may_change_live(nic, other));
    EXPECT_FALSE(may_change_live(nic, {{"type", "none"}}));
}

} // namespace
} // namespace schema
