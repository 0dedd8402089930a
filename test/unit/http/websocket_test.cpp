// Websockets, as the handler sees them and as they are on the wire.

#include <atomic>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/http/running_server.h"
#include "test/unit/http/web_client.h"

namespace {

using http_test::eventually;
using http_test::Frame;
using http_test::RunningServer;
using http_test::WebClient;
using Kind = http::WebSocket::Kind;
using Socket = std::shared_ptr<http::WebSocket>;

http::Handler upgrading(std::function<void(Socket)> use) {
    return [use = std::move(use)](const http::Request&) {
        http::Response response;
        response.body = http::Response::Upgrade{use};
        return response;
    };
}

void echo(const Socket& socket) {
    while (const auto message = socket->receive()) socket->send(message->kind, message->data);
}

std::string close_payload(uint16_t code) {
    return {static_cast<char>(code >> 8U), static_cast<char>(code & 0xffU)};
}

/// Hands the server's end of the one socket to the test.
struct Held {
    std::promise<Socket> promise;
    RunningServer server{upgrading([this](Socket socket) { promise.set_value(std::move(socket)); })};
    Socket take() { return promise.get_future().get(); }
};

TEST(Upgrade, IsAnsweredAsTheProtocolSays) {
    RunningServer server{upgrading(echo)};
    const WebClient client(server.path, "Origin: http://elsewhere.example\r\n");
    EXPECT_EQ(client.reply.status, 101);
    EXPECT_EQ(client.reply.headers.at("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(Upgrade, OfAnOrdinaryRequestIsRefused) {
    RunningServer server{upgrading(echo)};
    auto client = server.connect();
    const auto reply = client.ask(http_test::get("/ws"));
    EXPECT_EQ(reply.status, 400);
    EXPECT_THAT(reply.body, testing::HasSubstr("websocket"));
    EXPECT_EQ(client.ask(http_test::get("/ws")).status, 400); // and the connection lives
}

TEST(Upgrade, ThatTheHandlerRefusesIsAnOrdinaryAnswer) {
    RunningServer server{[](const http::Request&) { return http_test::text_reply("no", 403); }};
    const WebClient client(server.path);
    EXPECT_EQ(client.reply.status, 403);
}

TEST(WebSockets, CarryMessagesBothWays) {
    RunningServer server{upgrading(echo)};
    WebClient client(server.path);
    for (const auto& [opcode, data] :
         std::vector<std::pair<uint8_t, std::string>>{{Frame::text, "hello"},
                                                      {Frame::text, ""},
                                                      {Frame::binary, ""},
                                                      {Frame::binary, std::string(60000, '\xff')}}) {
        client.send(opcode, data);
        EXPECT_EQ(client.receive(), (Frame{opcode, true, data}));
    }
}

TEST(WebSockets, PutFragmentsTogether) {
    RunningServer server{upgrading(echo)};
    WebClient client(server.path);
    client.send(Frame::text, "he", false);
    client.send(Frame::ping, "are you there");
    client.send(Frame::continuation, "ll", false);
    client.send(Frame::continuation, "o");
    EXPECT_EQ(client.receive(), (Frame{Frame::pong, true, "are you there"}));
    EXPECT_EQ(client.receive(), (Frame{Frame::text, true, "hello"}));
}

TEST(WebSockets, TakeWhatWasSentTogetherWithTheUpgrade) {
    RunningServer server{upgrading(echo)};
    WebClient client(server.path);
    client.raw.send(WebClient::bytes(Frame::text, "a") + WebClient::bytes(Frame::text, "b"));
    EXPECT_EQ(client.receive().data, "a");
    EXPECT_EQ(client.receive().data, "b");
}

TEST(WebSockets, DeliverLongBinaryMessagesInPieces) {
    std::promise<std::vector<size_t>> sizes;
    RunningServer server{upgrading([&](const Socket& socket) {
        std::vector<size_t> all;
        for (size_t sum = 0; sum < 1000000;) {
            all.push_back(socket->receive()->data.size());
            sum += all.back();
        }
        sizes.set_value(all);
    })};
    WebClient client(server.path);
    client.send(Frame::binary, std::string(1000000, 'x'));
    EXPECT_THAT(sizes.get_future().get(), testing::Each(testing::Lt(128U << 10U)));
}

TEST(WebSockets, EndOnATextThatIsTooLong) {
    Held held;
    WebClient client(held.server.path);
    const auto socket = held.take();
    client.send(Frame::text, std::string((1U << 20U) + 1, 'x'));
    EXPECT_EQ(client.receive(), (Frame{Frame::closing, true, close_payload(1009)}));
    EXPECT_FALSE(socket->receive());
}

TEST(WebSockets, AnswerPingsWhileNobodyReceives) {
    Held held;
    WebClient client(held.server.path);
    const auto socket = held.take();
    client.send(Frame::ping, "x");
    EXPECT_EQ(client.receive(), (Frame{Frame::pong, true, "x"}));
}

TEST(WebSockets, AreClosedByThePeer) {
    Held held;
    WebClient client(held.server.path);
    const auto socket = held.take();
    std::promise<void> called;
    socket->on_closed([&] { called.set_value(); });
    client.send(Frame::text, "last");
    client.send(Frame::closing, close_payload(1000));
    called.get_future().get();
    EXPECT_EQ(client.receive(), (Frame{Frame::closing, true, close_payload(1000)}));
    EXPECT_EQ(socket->receive()->data, "last"); // what came before is not lost
    EXPECT_FALSE(socket->receive());
    EXPECT_FALSE(socket->lost());
    EXPECT_FALSE(socket->send(Kind::text, "x"));
    bool at_once = false;
    socket->on_closed([&] { at_once = true; });
    EXPECT_TRUE(at_once);
}

TEST(WebSockets, NoticeThatThePeerVanished) {
    Held held;
    WebClient client(held.server.path);
    const auto socket = held.take();
    std::promise<void> called;
    socket->on_closed([&] { called.set_value(); });
    client.raw.close();
    called.get_future().get();
    EXPECT_TRUE(socket->lost());
    EXPECT_FALSE(socket->receive());
}

TEST(WebSockets, SendWhatIsQueuedBeforeTheyClose) {
    Held held;
    WebClient client(held.server.path);
    const auto socket = held.take();
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(socket->send(Kind::binary, std::string(50000, 'x')));
    socket->close();
    socket->close();
    EXPECT_FALSE(socket->receive());
    EXPECT_FALSE(socket->send(Kind::binary, "x"));
    for (int i = 0; i < 5; ++i) EXPECT_EQ(client.receive().data.size(), 50000U);
    EXPECT_EQ(client.receive(), (Frame{Frame::closing, true, close_payload(1000)}));
    client.send(Frame::closing, close_payload(1000));
    EXPECT_EQ(client.raw.read_to_end(), "");
    EXPECT_FALSE(socket->lost());
}

TEST(WebSockets, CloseWhenTheirHandlerLetsGo) {
    RunningServer server{upgrading([](const Socket& socket) { socket->send(Kind::text, "bye"); })};
    WebClient client(server.path);
    EXPECT_EQ(client.receive().data, "bye");
    EXPECT_EQ(client.receive().opcode, Frame::closing);
}

TEST(WebSockets, HoldASenderBackWhileThePeerIsSlow) {
    Held held;
    WebClient client(held.server.path);
    const auto socket = held.take();
    std::atomic<size_t> sent = 0;
    std::thread sender([&] {
        while (sent < 64U << 20U && socket->send(Kind::binary, std::string(32U << 10U, 'x'))) sent += 32U << 10U;
    });
    size_t before = 1;
    EXPECT_TRUE(eventually([&] { // until nothing moves any more
        const bool stalled = sent > 0 && sent == before;
        before = sent;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        return stalled;
    }));
    EXPECT_LT(sent, 2U << 20U);
    for (size_t received = 0; received < 64U << 20U;) received += client.receive().data.size();
    sender.join();
}

TEST(WebSockets, HoldThePeerBackWhileNobodyReceives) {
    Held held;
    WebClient client(held.server.path);
    const auto socket = held.take();
    constexpr size_t total = 16U << 20U;
    std::atomic<size_t> sent = 0;
    std::thread sender([&] {
        for (; sent < total; sent += 32U << 10U) client.send(Frame::binary, std::string(32U << 10U, 'x'));
    });
    size_t before = 1;
    EXPECT_TRUE(eventually([&] {
        const bool stalled = sent > 0 && sent == before;
        before = sent;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        return stalled;
    }));
    EXPECT_LT(sent, 2U << 20U);
    for (size_t received = 0; received < total;) received += socket->receive()->data.size();
    sender.join();
}

TEST(WebSockets, DropASlowListener) {
    Held held;
    const WebClient client(held.server.path);
    const auto socket = held.take();
    size_t sent = 0;
    while (sent < 64U << 20U && socket->send_or_drop(Kind::text, std::string(1024, 'x'), 1U << 20U)) sent += 1024;
    EXPECT_LT(sent, 3U << 20U);
    EXPECT_FALSE(socket->receive());
    EXPECT_FALSE(socket->send_or_drop(Kind::text, "x", 1U << 20U));
}

TEST(WebSockets, ThatDiscardInputTakeAnyAmountAndSeeTheEnd) {
    Held held;
    WebClient client(held.server.path);
    const auto socket = held.take();
    std::promise<void> called;
    socket->on_closed([&] { called.set_value(); });
    socket->discard_input();
    for (int i = 0; i < 64; ++i) client.send(Frame::binary, std::string(32U << 10U, 'x'));
    client.send(Frame::ping, "x");
    EXPECT_EQ(client.receive().opcode, Frame::pong);
    client.raw.close();
    called.get_future().get();
}

TEST(WebSockets, RefuseFramesThatBreakTheProtocol) {
    for (const auto& frame : {std::string("\x81\x01x", 3) /* not masked */, WebClient::bytes(3, "reserved"),
                              WebClient::bytes(Frame::text, "\xff\xfe") /* not UTF-8 */}) {
        RunningServer server{upgrading(echo)};
        WebClient client(server.path);
        client.raw.send(frame);
        EXPECT_EQ(client.receive().opcode, Frame::closing);
    }
}

} // namespace
