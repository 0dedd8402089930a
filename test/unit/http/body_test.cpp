// Bodies that are pulled and produced piece by piece, and answers that come later.

#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include <poll.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/error.h"
#include "test/unit/http/running_server.h"

namespace {

using http_test::eventually;
using http_test::get;
using http_test::RunningServer;
using http_test::text_reply;

constexpr size_t mib = 1U << 20U;

std::string pattern(size_t size) {
    std::string text(size, '\0');
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 4096);
    return text;
}

std::string drained(http::BodySource& source) {
    std::string all;
    char piece[5000];
    while (const auto count = source.read(piece, sizeof piece)) all.append(piece, count);
    return all;
}

http::Response say_how_it_came(const http::Request& request) {
    return text_reply(
        (request.stream ? "stream " : "whole ") +
        std::to_string(std::hash<std::string>{}(request.stream ? drained(*request.stream) : request.body)));
}

std::string hashed(const std::string& text) {
    return std::to_string(std::hash<std::string>{}(text));
}

std::string put(const std::string& body, const std::string& headers = {}) {
    return "PUT /x HTTP/1.1\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string chunked(const std::string& body, size_t chunk) {
    std::string all = "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    char size[32];
    for (size_t at = 0; at < body.size(); at += chunk) {
        const auto part = body.substr(at, chunk);
        std::snprintf(size, sizeof size, "%zx\r\n", part.size());
        all += size + part + "\r\n";
    }
    return all + "0\r\n\r\n";
}

TEST(Bodies, UpToTheLimitComeWhole) {
    RunningServer server{say_how_it_came};
    auto client = server.connect();
    const auto body = pattern(http::buffered_body_limit);
    EXPECT_EQ(client.ask(put(body)).body, "whole " + hashed(body));
    EXPECT_EQ(client.ask(chunked(body, 10000)).body, "whole " + hashed(body));
}

TEST(Bodies, PastTheLimitAreStreamed) {
    RunningServer server{say_how_it_came};
    auto client = server.connect();
    const auto body = pattern(http::buffered_body_limit + 1);
    EXPECT_EQ(client.ask(put(body)).body, "stream " + hashed(body));
    EXPECT_EQ(client.ask(put("abc")).body, "whole " + hashed("abc")); // the connection is still good
}

TEST(Bodies, OfUnknownLengthAreStreamedPastTheLimit) {
    RunningServer server{say_how_it_came};
    auto client = server.connect();
    const auto body = pattern(5 * mib);
    EXPECT_EQ(client.ask(chunked(body, 70000)).body, "stream " + hashed(body));
    EXPECT_EQ(client.ask(put("abc")).body, "whole " + hashed("abc"));
}

TEST(Bodies, ThatAreStreamedAreAskedForWhenTheyAreRead) {
    RunningServer server{[](const http::Request& request) { return say_how_it_came(request); }};
    auto client = server.connect();
    const auto body = pattern(2 * mib);
    client.send("PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(client.ask(body).body, "stream " + hashed(body));
}

TEST(Bodies, ThatNobodyReadsAreNotAskedFor) {
    RunningServer server{[](const http::Request&) { return text_reply("no", 413); }};
    auto client = server.connect();
    client.send("PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n");
    const auto reply = client.read_reply();
    EXPECT_EQ(reply.status, 413);
    EXPECT_EQ(reply.headers.at("connection"), "close");
    client.close();
}

TEST(Bodies, ThatNobodyReadsCloseTheConnectionAfterTheAnswer) {
    RunningServer server{[](const http::Request&) { return text_reply("no", 400); }};
    auto client = server.connect();
    client.send(put(pattern(3 * mib))); // all of it is taken, so that the client gets to read
    const auto reply = client.read_reply();
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.headers.at("connection"), "close");
    client.shut_down_writing();
    EXPECT_EQ(client.read_to_end(), "");
}

TEST(Bodies, AreNotReadAheadOfASlowHandler) {
    std::promise<void> go_on;
    RunningServer server{[&, wait = go_on.get_future().share()](const http::Request& request) {
        wait.wait();
        return say_how_it_came(request);
    }};
    auto client = server.connect();
    const auto body = pattern(16 * mib);
    const auto bytes = put(body);
    size_t sent = 0;
    while (sent < bytes.size()) { // until the server's and the kernel's buffers are full
        const auto count = ::send(client.fd(), bytes.data() + sent, bytes.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        pollfd writable{client.fd(), POLLOUT, 0};
        if (count < 0 && ::poll(&writable, 1, 300) == 0) break;
        if (count > 0) sent += static_cast<size_t>(count);
    }
    EXPECT_LT(sent, 4 * mib);
    go_on.set_value();
    EXPECT_EQ(client.ask(bytes.substr(sent)).body, "stream " + hashed(body));
}

TEST(Bodies, ThatEndEarlyFailTheirReader) {
    std::promise<std::string> error;
    RunningServer server{[&](const http::Request& request) {
        try {
            drained(*request.stream);
        } catch (const schema::Error& caught) {
            error.set_value(caught.what());
        }
        return text_reply("");
    }};
    auto client = server.connect();
    client.send("PUT /x HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nabc");
    client.close();
    EXPECT_THAT(error.get_future().get(), testing::HasSubstr("ended early"));
}

class Producer : public http::BodyProducer {
public:
    Producer(std::string data, std::optional<uint64_t> length) : data_(std::move(data)), length_(length) {}
    size_t read(char* buffer, size_t size) override {
        const auto count = data_.copy(buffer, std::min<size_t>(size, 9999), at_);
        at_ += count;
        return count;
    }
    std::optional<uint64_t> length() const override { return length_; }

private:
    std::string data_;
    std::optional<uint64_t> length_;
    size_t at_ = 0;
};

http::Response produced(const std::string& data, std::optional<uint64_t> length = {}) {
    http::Response response;
    response.body = std::make_shared<Producer>(data, length);
    return response;
}

TEST(ProducedBodies, OfKnownLengthSayIt) {
    const auto data = pattern(3 * mib);
    RunningServer server{[&](const http::Request&) { return produced(data, data.size()); }};
    auto client = server.connect();
    for (int i = 0; i < 2; ++i) {
        const auto reply = client.ask(get("/"));
        EXPECT_EQ(reply.headers.at("content-length"), std::to_string(data.size()));
        EXPECT_TRUE(reply.body == data);
    }
}

TEST(ProducedBodies, OfUnknownLengthAreChunked) {
    const auto data = pattern(mib);
    RunningServer server{[&](const http::Request&) { return produced(data); }};
    auto client = server.connect();
    for (int i = 0; i < 2; ++i) {
        const auto reply = client.ask(get("/"));
        EXPECT_EQ(reply.headers.at("transfer-encoding"), "chunked");
        EXPECT_TRUE(reply.body == data);
    }
}

TEST(ProducedBodies, OfUnknownLengthEndTheConnectionOfHttp10) {
    RunningServer server{[&](const http::Request&) { return produced("abc"); }};
    auto client = server.connect();
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_THAT(client.read_to_end(), testing::EndsWith("\r\n\r\nabc"));
}

TEST(ProducedBodies, MayBeEmpty) {
    RunningServer server{
        [&](const http::Request& request) { return request.path == "/known" ? produced("", 0) : produced(""); }};
    auto client = server.connect();
    EXPECT_EQ(client.ask(get("/known")).body, "");
    EXPECT_EQ(client.ask(get("/")).body, "");
    EXPECT_EQ(client.ask(get("/known")).body, "");
}

TEST(ProducedBodies, AreNotSentToWhoAsksForTheHead) {
    RunningServer server{[&](const http::Request&) { return produced("abc", 3); }};
    auto client = server.connect();
    client.send("HEAD / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(client.read_reply(true).headers.at("content-length"), "3");
    EXPECT_EQ(client.ask(get("/")).body, "abc");
}

TEST(ProducedBodies, ThatAreShorterThanTheySaidAreCut) {
    RunningServer server{[&](const http::Request&) { return produced("abc", 4); }};
    auto client = server.connect();
    client.send(get("/"));
    EXPECT_THAT(client.read_to_end(), testing::EndsWith("\r\n\r\nabc"));
}

class FailingProducer : public http::BodyProducer {
public:
    size_t read(char* buffer, size_t) override {
        if (std::exchange(begun_, true)) throw std::runtime_error("disk");
        *buffer = 'x';
        return 1;
    }

private:
    bool begun_ = false;
};

TEST(ProducedBodies, ThatFailAreCut) {
    RunningServer server{[](const http::Request&) {
        http::Response response;
        response.body = std::make_shared<FailingProducer>();
        return response;
    }};
    auto client = server.connect();
    client.send(get("/"));
    EXPECT_THAT(client.read_to_end(), testing::EndsWith("1\r\nx\r\n"));
}

/// Never ends; says when it is let go.
class EndlessProducer : public http::BodyProducer {
public:
    explicit EndlessProducer(std::promise<void>* gone) : gone_(gone) {}
    ~EndlessProducer() override { gone_->set_value(); }
    EndlessProducer(const EndlessProducer&) = delete;
    EndlessProducer& operator=(const EndlessProducer&) = delete;
    size_t read(char* buffer, size_t size) override {
        std::fill_n(buffer, size, 'x');
        return size;
    }

private:
    std::promise<void>* gone_;
};

TEST(ProducedBodies, EndWithTheirClient) {
    std::promise<void> gone;
    RunningServer server{[&](const http::Request&) {
        http::Response response;
        response.body = std::make_shared<EndlessProducer>(&gone);
        return response;
    }};
    auto client = server.connect();
    client.send(get("/"));
    client.read_exactly(mib);
    client.close();
    gone.get_future().get();
}

/// Holds replies back for the test to give.
class Desk {
public:
    http::Response put_off() {
        http::Response response;
        response.body = http::Response::Deferred{[this](std::function<void(http::Response)> reply) {
            const std::scoped_lock lock(mutex_);
            replies_.push_back(std::move(reply));
            came_.notify_all();
        }};
        return response;
    }
    std::vector<std::function<void(http::Response)>> take(size_t count) {
        std::unique_lock lock(mutex_);
        came_.wait(lock, [&] { return replies_.size() >= count; });
        return std::exchange(replies_, {});
    }

private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::vector<std::function<void(http::Response)>> replies_;
};

size_t threads() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("Threads:")) return std::stoul(line.substr(8));
    return 0;
}

TEST(DeferredAnswers, ArriveWhenTheyAreGiven) {
    Desk desk;
    RunningServer server{[&](const http::Request&) { return desk.put_off(); }};
    auto client = server.connect();
    client.send(get("/"));
    desk.take(1).front()(text_reply("later"));
    EXPECT_EQ(client.read_reply().body, "later");
    client.send(get("/"));
    desk.take(1).front()(text_reply("again"));
    EXPECT_EQ(client.read_reply().body, "again");
}

TEST(DeferredAnswers, HoldNoThread) {
    Desk desk;
    RunningServer server{[&](const http::Request&) { return desk.put_off(); }};
    std::vector<http_test::RawClient> clients;
    for (int i = 0; i < 200; ++i) {
        clients.push_back(server.connect());
        clients.back().send(get("/"));
    }
    auto replies = desk.take(200); // three times the workers' limit
    EXPECT_LT(threads(), 80U);
    for (auto& reply : replies) reply(text_reply("x"));
    for (auto& client : clients) EXPECT_EQ(client.read_reply().body, "x");
}

TEST(DeferredAnswers, MayBeGivenTwiceAndToNobody) {
    Desk desk;
    RunningServer server{[&](const http::Request&) { return desk.put_off(); }};
    auto client = server.connect();
    client.send(get("/"));
    const auto reply = desk.take(1).front();
    reply(text_reply("first"));
    reply(text_reply("second"));
    EXPECT_EQ(client.read_reply().body, "first");
    client.send(get("/"));
    const auto late = desk.take(1).front();
    client.close();
    server.server.stop();
    late(text_reply("nobody"));
}

TEST(DeferredAnswers, ThatAreForgottenAreErrors) {
    Desk desk;
    RunningServer server{[&](const http::Request&) { return desk.put_off(); }};
    auto client = server.connect();
    client.send(get("/"));
    desk.take(1).clear();
    EXPECT_EQ(client.read_reply().status, 500);
}

TEST(DeferredAnswers, LeaveNoDescriptorWhenTheClientGoes) {
    Desk desk;
    RunningServer server{[&](const http::Request&) { return desk.put_off(); }};
    const auto before = http_test::open_descriptors();
    std::vector<http_test::RawClient> clients;
    for (int i = 0; i < 10; ++i) {
        clients.push_back(server.connect());
        clients.back().send(get("/"));
    }
    const auto replies = desk.take(10);
    clients.clear();
    EXPECT_TRUE(eventually([&] { return http_test::open_descriptors() == before; }));
}

TEST(StalledClients, DoNotHoldOthersUp) {
    const auto data = pattern(8 * mib);
    RunningServer server{[&](const http::Request& request) {
        return request.path == "/large" ? produced(data, data.size()) : say_how_it_came(request);
    }};
    std::vector<http_test::RawClient> stalled;
    for (int i = 0; i < 100; ++i) { // more than there are workers
        stalled.push_back(server.connect());
        stalled.back().send(i % 2 == 0 ? get("/large") : "PUT /x HTTP/1.1\r\nContent-Le");
    }
    auto client = server.connect();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(client.ask(put("abc")).body, "whole " + hashed("abc"));
}

} // namespace
