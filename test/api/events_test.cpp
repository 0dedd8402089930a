#include <string>
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
