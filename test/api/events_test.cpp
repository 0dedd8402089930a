#include <gmock/gmock.h>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/web_socket.h"
#include "test/api/daemon_fixture.h"

namespace {

struct EventsTest : DaemonTest {};

/// Keeps what is sent to it.
class Recorder : public base::WebSocket {
public:
    std::optional<Message> receive() override { return {}; }
    bool send(Kind, std::string_view data) override {
        sent.emplace_back(data);
        return true;
    }
    bool send_or_drop(Kind kind, std::string_view data, size_t) override { return send(kind, data); }
    void discard_input() override {}
    void close() override {}
    bool lost() const override { return false; }
    void on_closed(std::function<void()> callback) override { closed = std::move(callback); }

    std::vector<std::string> sent;
    std::function<void()> closed;
};

} // namespace

/// The lifecycle events of what is asked for while it lives, as "ACTION SOURCE".
struct ToldTest : EventsTest {
    ToldTest() {
        set_up_storage();
        const auto answer = ask("GET", "/1.0/events?type=lifecycle", "", {{"Upgrade", "websocket"}});
        std::get<http::Response::Upgrade>(answer.body).websocket(socket_);
    }

    ~ToldTest() override { std::exchange(socket_->closed, {})(); } // or socket and subscription keep each other

    std::vector<std::string> told() {
        std::vector<std::string> events;
        for (const auto& text : std::exchange(socket_->sent, {})) {
            const auto event = schema::Json::parse(text)["metadata"];
            events.push_back(event["action"].as_string() + " " + event["source"].as_string());
        }
        return events;
    }

    std::shared_ptr<Recorder> socket_ = std::make_shared<Recorder>();
};

TEST_F(ToldTest, OfVolumesAsLxdDoes) {
    const std::string volumes = "/1.0/storage-pools/default/volumes/custom";
    EXPECT_EQ(error("POST", volumes, R"({"name":"v1"})"), "ok");
    EXPECT_EQ(error("POST", volumes, R"({"name":"v2"})"), "ok");
    EXPECT_EQ(error("POST", volumes + "/v1/snapshots", R"({"name":"s1"})"), "ok");
    told();
    EXPECT_EQ(error("POST", volumes + "/v1/snapshots/s1", R"({"name":"s2"})"), "ok");
    EXPECT_THAT(told(), testing::ElementsAre("storage-volume-snapshot-renamed " + volumes + "/v1/snapshots/s1"));
    const std::string refresh = R"({"name":"v2","source":{"type":"copy","pool":"default","name":"v1","refresh":true}})";
    EXPECT_EQ(error("POST", volumes, refresh), "ok");
    EXPECT_THAT(told(), testing::ElementsAre("storage-volume-created " + volumes + "/v2"));
}

TEST_F(ToldTest, OfSnapshotsThatABackupBrings) {
    make_instance("c1");
    EXPECT_EQ(error("POST", "/1.0/instances/c1/snapshots", R"({"name":"s1"})"), "ok");
    EXPECT_EQ(error("POST", "/1.0/instances/c1/backups", R"({"name":"b"})"), "ok");
    const auto backup = body_of(ask("GET", "/1.0/instances/c1/backups/b/export"));
    told();
    EXPECT_EQ(
        error("POST", "/1.0/instances", backup, {{"Content-Type", "application/octet-stream"}, {"X-LXD-name", "c2"}}),
        "ok");
    EXPECT_THAT(told(), testing::ElementsAre("instance-created /1.0/instances/c2",
                                             "instance-snapshot-created /1.0/instances/c2/snapshots/s1"));
}

// The stock client asks how its operation stands as soon as it has the answer, and then waits for events for ever.
TEST_F(EventsTest, WhatHappensBetweenTheAnswerAndTheSocketIsTold) {
    const auto answer = ask("GET", "/1.0/events?type=lifecycle", "", {{"Upgrade", "websocket"}});
    ASSERT_EQ(answer.status, 101);
    EXPECT_EQ(error("POST", "/1.0/profiles", R"({"name":"early"})"), "ok");
    const auto socket = std::make_shared<Recorder>();
    std::get<http::Response::Upgrade>(answer.body).websocket(socket);
    EXPECT_EQ(error("POST", "/1.0/profiles", R"({"name":"late"})"), "ok");
    ASSERT_EQ(socket->sent.size(), 2U);
    EXPECT_NE(socket->sent[0].find("/1.0/profiles/early"), std::string::npos);
    EXPECT_NE(socket->sent[1].find("/1.0/profiles/late"), std::string::npos);

    socket->closed();
    EXPECT_EQ(error("DELETE", "/1.0/profiles/late"), "ok");
    EXPECT_EQ(socket->sent.size(), 2U);
}
