#include "daemon/instance/guest_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/instance/guest_events.h"

namespace instance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Record record(schema::Config config, schema::Devices devices = {}) {
    Record made;
    made.row.name = "c1";
    made.expanded_config = std::move(config);
    made.expanded_devices = std::move(devices);
    return made;
}

std::vector<std::string> texts(const std::vector<GuestEvent>& events) {
    std::vector<std::string> shown;
    for (const auto& event : events) shown.push_back(event.type + " " + event.metadata.dump());
    return shown;
}

schema::Device nic(const std::string& name = "") {
    schema::Device device{{"type", "nic"}, {"nictype", "p2p"}};
    if (!name.empty()) device["name"] = name;
    return device;
}

} // namespace

TEST(GuestEventsOf, KeysThatGuestsMayReadAreToldWithBothValues) {
    const auto before = record({{"user.a", "1"}, {"user.b", "1"}, {"limits.memory", "1GB"}});
    const auto after = record({{"user.a", "2"}, {"cloud-init.user-data", "x"}, {"limits.memory", "2GB"}});
    EXPECT_THAT(texts(guest_events(before, after)),
                ElementsAre(R"(config {"key":"cloud-init.user-data","old_value":"","value":"x"})",
                            R"(config {"key":"user.a","old_value":"1","value":"2"})",
                            R"(config {"key":"user.b","old_value":"1","value":""})"));
}

TEST(GuestEventsOf, DevicesGoChangeAndComeInThisOrder) {
    const schema::Device disk{{"type", "disk"}, {"source", "/srv"}, {"path", "/srv"}};
    auto elsewhere = disk;
    elsewhere["path"] = "/opt";
    const schema::Device root{{"type", "disk"}, {"path", "/"}, {"pool", "default"}};
    auto noted = root;
    noted["user.note"] = "x";
    EXPECT_THAT(
        texts(guest_events(record({}, {{"a", disk}, {"root", root}, {"same", disk}}),
                           record({}, {{"a", elsewhere}, {"root", noted}, {"same", disk}}))),
        ElementsAre(
            R"(device {"action":"removed","config":{"path":"/srv","source":"/srv","type":"disk"},"name":"a"})",
            R"(device {"action":"updated","config":{"path":"/","pool":"default","type":"disk","user.note":"x"},"name":"root"})",
            R"(device {"action":"added","config":{"path":"/opt","source":"/srv","type":"disk"},"name":"a"})"));
}

TEST(InstanceId, ChangesWithWhatCloudInitIsTold) {
    for (const auto* key : {"cloud-init.vendor-data", "cloud-init.user-data", "cloud-init.network-config",
                            "user.vendor-data", "user.user-data", "user.network-config"})
        EXPECT_TRUE(needs_new_instance_id(record({}), record({{key, "x"}}))) << key;
    for (const auto* key : {"user.meta-data", "user.x", "limits.memory"})
        EXPECT_FALSE(needs_new_instance_id(record({}), record({{key, "x"}}))) << key;
}

TEST(InstanceId, ChangesWithTheNamesOfInterfacesAlone) {
    EXPECT_TRUE(needs_new_instance_id(record({}), record({}, {{"eth0", nic()}})));
    EXPECT_TRUE(needs_new_instance_id(record({}, {{"eth0", nic()}}), record({}, {{"eth0", nic("lan")}})));
    auto slow = nic();
    slow["limits.max"] = "1Mbit";
    EXPECT_FALSE(needs_new_instance_id(record({}, {{"eth0", nic()}}), record({}, {{"eth0", slow}})));
    EXPECT_FALSE(needs_new_instance_id(record({}), record({}, {{"d", {{"type", "disk"}}}})));
}

// The name that a start chose is in the later record alone.
TEST(InstanceId, StaysWhenAnInterfacesNameBecomesKnown) {
    const schema::Devices devices{{"lan", nic()}};
    EXPECT_FALSE(needs_new_instance_id(record({}, devices), record({{"volatile.lan.name", "eth0"}}, devices)));
    EXPECT_FALSE(
        needs_new_instance_id(record({{"volatile.lan.name", "eth0"}}, devices), record({}, {{"lan", nic("eth0")}})));
}

TEST(GuestEventsHub, TellsTheListenersOfOneInstanceWhatTheyWant) {
    GuestEvents hub;
    const auto mine = std::make_shared<Instance>(record({}));
    const auto other = std::make_shared<Instance>(record({}));
    std::vector<std::string> heard;
    const auto hear = [&heard](const std::string& text) {
        heard.push_back(schema::Json::parse(text)["metadata"]["key"].as_string());
        return true;
    };
    auto handle = hub.listen(mine, {"config"}, hear);
    const auto of_other = hub.listen(other, {"config"}, [](const std::string&) -> bool { throw std::logic_error(""); });
    const auto device_only =
        hub.listen(mine, {"device"}, [](const std::string&) -> bool { throw std::logic_error(""); });
    hub.send(*mine, guest_events(record({}), record({{"user.a", "1"}, {"user.b", "1"}})));
    EXPECT_THAT(heard, ElementsAre("user.a", "user.b"));
    handle.reset();
    hub.send(*mine, guest_events(record({}), record({{"user.c", "1"}})));
    EXPECT_THAT(heard, ElementsAre("user.a", "user.b"));
}

TEST(GuestEventsHub, AListenerThatHasGoneIsToldNoMore) {
    GuestEvents hub;
    const auto mine = std::make_shared<Instance>(record({}));
    int told = 0;
    const auto handle = hub.listen(mine, {"config"}, [&told](const std::string&) {
        ++told;
        return false;
    });
    hub.send(*mine, guest_events(record({}), record({{"user.a", "1"}, {"user.b", "1"}})));
    EXPECT_EQ(told, 1);
}

} // namespace instance
