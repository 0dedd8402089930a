#include <atomic>
#include <thread>

#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "test/unit/http/running_server.h"

namespace {

using http_test::eventually;
using http_test::RunningServer;

constexpr auto wish = "GET /t HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// A server whose tunnels end at `inside`.
struct Tunnelled {
    Tunnelled() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) std::abort();
        outside = std::make_shared<base::Fd>(ends[0]);
        inside = base::Fd(ends[1]);
    }
    http::Response answer() {
        http::Response response;
        response.status = 101;
        const std::shared_ptr<void> keep(nullptr, [this](void*) { let_go = true; });
        response.body = http::Response::Tunnel{"echo", std::exchange(outside, nullptr), keep};
        return response;
    }
    std::string receive(size_t size) const {
        std::string data(size, '\0');
        for (size_t used = 0; used < size;) {
            const auto count = ::read(inside.get(), data.data() + used, size - used);
            if (count <= 0) return data.substr(0, used);
            used += static_cast<size_t>(count);
        }
        return data;
    }

    std::shared_ptr<base::Fd> outside;
    base::Fd inside;
    std::atomic<bool> let_go = false;
    RunningServer server{[this](const http::Request&) { return answer(); }};
};

TEST(Tunnels, CarryBytesBothWaysUntouched) {
    Tunnelled tunnelled;
    auto client = tunnelled.server.connect();
    client.send(std::string(wish) + "at once"); // what comes with the request belongs to the tunnel
    const auto head = client.read_until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
    EXPECT_NE(head.find("Upgrade: echo\r\n"), head.npos);
    EXPECT_EQ(tunnelled.receive(7), "at once");
    std::string much(1 << 20, '\0');
    for (size_t index = 0; index < much.size(); ++index) much[index] = static_cast<char>(index * 7);
    std::thread sender([&] { client.send(much); });
    EXPECT_EQ(tunnelled.receive(much.size()), much);
    sender.join();
    std::thread writer([&] { base::write_all(tunnelled.inside.get(), much); });
    EXPECT_EQ(client.read_exactly(much.size()), much);
    writer.join();
    EXPECT_FALSE(tunnelled.let_go);
}

TEST(Tunnels, EndWithTheClient) {
    Tunnelled tunnelled;
    auto client = tunnelled.server.connect();
    client.send(wish);
    client.read_until("\r\n\r\n");
    client.close();
    EXPECT_EQ(tunnelled.receive(1), "");
    EXPECT_TRUE(eventually([&] { return tunnelled.let_go.load(); }));
}

TEST(Tunnels, EndWithTheHandlersEnd) {
    Tunnelled tunnelled;
    auto client = tunnelled.server.connect();
    client.send(wish);
    client.read_until("\r\n\r\n");
    base::write_all(tunnelled.inside.get(), "last");
    tunnelled.inside.reset();
    EXPECT_EQ(client.read_to_end(), "last");
    EXPECT_TRUE(eventually([&] { return tunnelled.let_go.load(); }));
}

TEST(Tunnels, AnswerAClientThatHasSaidAll) {
    Tunnelled tunnelled;
    auto client = tunnelled.server.connect();
    client.send(wish);
    client.read_until("\r\n\r\n");
    client.shut_down_writing();
    EXPECT_EQ(tunnelled.receive(1), "");
    base::write_all(tunnelled.inside.get(), "late");
    tunnelled.inside.reset();
    EXPECT_EQ(client.read_to_end(), "late");
}

TEST(Tunnels, EndWithTheServer) {
    auto tunnelled = std::make_unique<Tunnelled>();
    auto client = tunnelled->server.connect();
    client.send(wish);
    client.read_until("\r\n\r\n");
    tunnelled->server.server.stop();
    EXPECT_EQ(client.read_to_end(), "");
    EXPECT_TRUE(tunnelled->let_go);
}

} // namespace
