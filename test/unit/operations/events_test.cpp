#include "daemon/operations/events.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace operations {
namespace {

struct EventsTest : testing::Test {
    EventsHub hub;
    std::vector<std::string> heard;

    EventsHub::Listener note() {
        return [this](const std::string& text) {
            heard.push_back(text);
            return true;
        };
    }
    schema::Json last() { return schema::Json::parse(heard.back()); }
};

TEST_F(EventsTest, ALogRecordIsToldAsLxdWritesIt) {
    const auto handle = hub.subscribe({"logging"}, base::LogLevel::trace, note());
    hub.logging({base::LogLevel::info, "Started", {{"instance", "c1"}}});
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_EQ(last()["type"].as_string(), "logging");
    EXPECT_EQ(last()["metadata"].dump(), R"({"message":"Started","level":"info","context":{"instance":"c1"}})");
    EXPECT_EQ(last()["location"].as_string(), "none");
    EXPECT_EQ(last().find("project"), nullptr);
}

TEST_F(EventsTest, TheHubKnowsWhichLevelsOfTheLogAreListenedTo) {
    EXPECT_FALSE(hub.listens_to_log(base::LogLevel::error));
    auto careless = hub.subscribe({"logging"}, base::LogLevel::warning, note());
    const auto other = hub.subscribe({"operation"}, base::LogLevel::trace, note());
    EXPECT_TRUE(hub.listens_to_log(base::LogLevel::warning));
    EXPECT_FALSE(hub.listens_to_log(base::LogLevel::info));
    auto curious = hub.subscribe({"logging"}, base::LogLevel::debug, note());
    EXPECT_TRUE(hub.listens_to_log(base::LogLevel::debug));
    curious.reset();
    EXPECT_FALSE(hub.listens_to_log(base::LogLevel::debug));
    careless.reset();
    EXPECT_FALSE(hub.listens_to_log(base::LogLevel::error));
}

TEST_F(EventsTest, ALifecycleEventLeavesOutWhatThereIsNot) {
    const auto handle = hub.subscribe({"lifecycle"}, base::LogLevel::trace, note());
    hub.lifecycle("instance-started", "/1.0/instances/c1", {}, {});
    EXPECT_EQ(last()["metadata"].dump(), R"({"action":"instance-started","source":"/1.0/instances/c1"})");
    EXPECT_EQ(last()["project"].as_string(), "default");
    schema::Json context;
    context.set("old_name", "c0");
    hub.lifecycle("instance-renamed", "/1.0/instances/c1", context, schema::Requestor{"root", "unix", "@"});
    EXPECT_EQ(last()["metadata"].dump(),
              R"({"action":"instance-renamed","source":"/1.0/instances/c1","context":{"old_name":"c0"},)"
              R"("requestor":{"username":"root","protocol":"unix","address":"@"}})");
}

TEST_F(EventsTest, AnOperationIsToldWhole) {
    const auto handle = hub.subscribe({"operation"}, base::LogLevel::trace, note());
    schema::Operation operation;
    operation.id = "x";
    hub.operation(operation);
    EXPECT_EQ(last()["metadata"], schema::to_json(operation));
    EXPECT_EQ(last()["project"].as_string(), "default");
}

TEST_F(EventsTest, OnlyTheWantedTypesAndLevelsAreTold) {
    const auto handle = hub.subscribe({"logging"}, base::LogLevel::warning, note());
    hub.lifecycle("a", "b", {}, {});
    hub.operation({});
    hub.logging({base::LogLevel::info, "quiet", {}});
    EXPECT_TRUE(heard.empty());
    hub.logging({base::LogLevel::error, "loud", {}});
    EXPECT_EQ(heard.size(), 1U);
}

TEST_F(EventsTest, ADroppedHandleEndsTheSubscription) {
    auto handle = hub.subscribe({"lifecycle"}, base::LogLevel::trace, note());
    handle.reset();
    hub.lifecycle("a", "b", {}, {});
    EXPECT_TRUE(heard.empty());
}

TEST_F(EventsTest, AListenerThatSaysFalseIsNotCalledAgain) {
    int calls = 0;
    const auto once =
        hub.subscribe({"lifecycle"}, base::LogLevel::trace, [&](const std::string&) { return ++calls < 0; });
    const auto always = hub.subscribe({"lifecycle"}, base::LogLevel::trace, note());
    hub.lifecycle("a", "b", {}, {});
    hub.lifecycle("a", "b", {}, {});
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(heard.size(), 2U);
}

TEST_F(EventsTest, AHandleMayOutliveTheHub) {
    auto short_lived = std::make_unique<EventsHub>();
    const auto handle = short_lived->subscribe({"lifecycle"}, base::LogLevel::trace, note());
    short_lived.reset();
}

TEST_F(EventsTest, EventsOfSeveralThreadsComeOneAtATime) {
    const auto handle = hub.subscribe({"lifecycle"}, base::LogLevel::trace, note());
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i) hub.lifecycle("a", "b", {}, {});
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(heard.size(), 400U);
}

} // namespace
} // namespace operations
