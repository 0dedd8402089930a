#include <atomic>
#include <future>
#include <mutex>

#include <gtest/gtest.h>

#include "test/unit/http/running_server.h"

namespace http_test {
namespace {

using http::Request;
using http::Response;

/// Answers with a feed whose sender and end the test gets.
struct FeedHandler {
    std::promise<Response::Feed::Send> send;
    std::atomic<bool> ended = false;

    Response operator()(const Request&) {
        Response response;
        response.headers["Content-Type"] = "application/json";
        response.body = Response::Feed{1U << 16U, [this](Response::Feed::Send sender) -> std::shared_ptr<void> {
                                           send.set_value(std::move(sender));
                                           return {nullptr, [this](void*) { ended = true; }};
                                       }};
        return response;
    }
};

TEST(Feeds, SendWhatComesUntilTheClientGoes) {
    FeedHandler handler;
    RunningServer server([&handler](const Request& request) { return handler(request); });
    auto client = server.connect();
    client.send(get("/"));
    const auto send = handler.send.get_future().get();
    const auto head = client.read_until("\r\n\r\n");
    EXPECT_NE(head.find("200 OK"), std::string::npos);
    EXPECT_EQ(head.find("Content-Length"), std::string::npos);
    EXPECT_TRUE(send("one\n"));
    EXPECT_EQ(client.read_until("\n"), "one\n");
    client.send("what a client says is not heard");
    EXPECT_TRUE(send("two\n"));
    EXPECT_EQ(client.read_until("\n"), "two\n");
    EXPECT_FALSE(handler.ended);
    client.close();
    EXPECT_TRUE(eventually([&] { return handler.ended.load(); }));
    EXPECT_FALSE(send("three\n"));
}

TEST(Feeds, DropAClientThatDoesNotRead) {
    FeedHandler handler;
    RunningServer server([&handler](const Request& request) { return handler(request); });
    const auto client = server.connect();
    client.send(get("/"));
    const auto send = handler.send.get_future().get();
    const std::string text(4096, 'x');
    int sent = 0;
    while (send(text)) ASSERT_LT(++sent, 1000);
    EXPECT_TRUE(eventually([&] { return handler.ended.load(); }));
}

TEST(Feeds, EndWithTheServerAtOnce) {
    FeedHandler handler;
    auto server = std::make_unique<RunningServer>([&handler](const Request& request) { return handler(request); });
    auto client = server->connect();
    client.send(get("/"));
    handler.send.get_future().get()("one\n");
    client.read_until("one\n");
    const auto start = std::chrono::steady_clock::now();
    server = nullptr;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
    EXPECT_TRUE(handler.ended);
}

} // namespace
} // namespace http_test
