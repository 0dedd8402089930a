// Binding, stopping, inherited sockets.

#include <future>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/error.h"
#include "test/unit/http/running_server.h"
#include "test/unit/http/web_client.h"

namespace {

using http_test::get;
using http_test::RunningServer;
using http_test::TempDir;
using http_test::text_reply;

mode_t mode_of(const std::string& path) {
    struct stat found{};
    EXPECT_EQ(::stat(path.c_str(), &found), 0);
    return found.st_mode & 07777U;
}

TEST(BindUnix, SetsTheMode) {
    const TempDir folder;
    const auto fd = http::bind_unix(folder / "s", 0660, static_cast<int>(getegid()));
    EXPECT_EQ(mode_of(folder / "s"), 0660U);
}

TEST(BindUnix, ReplacesAStaleSocket) {
    const TempDir folder;
    http::bind_unix(folder / "s", 0600, -1).reset();
    const auto fd = http::bind_unix(folder / "s", 0600, -1);
    EXPECT_NO_THROW(http_test::RawClient(folder / "s"));
}

std::string failure_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const schema::Error& error) {
        return error.what();
    }
    return "none";
}

TEST(BindUnix, LeavesALiveSocketAlone) {
    const TempDir folder;
    const auto live = http::bind_unix(folder / "s", 0600, -1);
    EXPECT_THAT(failure_of([&] { http::bind_unix(folder / "s", 0600, -1); }),
                testing::HasSubstr("answers there already"));
    EXPECT_NO_THROW(http_test::RawClient(folder / "s"));
}

TEST(BindUnix, LeavesOtherFilesAlone) {
    const TempDir folder;
    ::mkdir((folder / "s").c_str(), 0700);
    EXPECT_THAT(failure_of([&] { http::bind_unix(folder / "s", 0600, -1); }), testing::HasSubstr("not a socket"));
}

TEST(BindUnix, RefusesAPathThatIsTooLong) {
    EXPECT_THAT(failure_of([&] { http::bind_unix("/tmp/" + std::string(120, 'x'), 0600, -1); }),
                testing::HasSubstr("107 bytes"));
}

TEST(BindTcp, TakesTheFormsOfAnAddress) {
    for (const std::string address : {"127.0.0.1:0", "localhost:0", ":0"})
        EXPECT_TRUE(http::bind_tcp(address)) << address;
}

TEST(BindTcp, SaysWhatIsWrong) {
    for (const std::string address : {"127.0.0.1", "::1", "[::1]", "127.0.0.1:", "127.0.0.1:no-such-port"})
        EXPECT_THAT(failure_of([&] { http::bind_tcp(address); }), testing::HasSubstr("\"" + address + "\"")) << address;
    const auto taken = http::bind_tcp("127.0.0.1:0");
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(taken.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    const auto port = ntohs(reinterpret_cast<sockaddr_in&>(bound).sin_port);
    EXPECT_THAT(failure_of([&] { http::bind_tcp("127.0.0.1:" + std::to_string(port)); }),
                testing::HasSubstr("Address already in use"));
}

TEST(Server, AcceptsOnAnInheritedBlockingSocket) {
    const TempDir folder;
    base::Fd inherited(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder / "s").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(inherited.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(inherited.get(), 5), 0);
    RunningServer server{[](const http::Request&) { return text_reply("x"); }};
    server.server.listen_unix(std::move(inherited));
    http_test::RawClient first(folder / "s");
    http_test::RawClient second(folder / "s");
    EXPECT_EQ(second.ask(get("/")).body, "x");
    EXPECT_EQ(first.ask(get("/")).body, "x");
}

TEST(Server, ServesWithSeveralIoThreads) {
    RunningServer server{[](const http::Request& request) { return text_reply(request.path); }, {.io_threads = 3}};
    std::vector<http_test::RawClient> clients;
    for (int i = 0; i < 9; ++i) clients.push_back(server.connect());
    for (int round = 0; round < 3; ++round)
        for (auto& client : clients) EXPECT_EQ(client.ask(get("/x")).body, "/x");
}

TEST(Stopping, WaitsForTheHandlerAndSendsItsAnswer) {
    std::promise<void> running;
    std::promise<void> go_on;
    RunningServer server{[&](const http::Request&) {
        running.set_value();
        go_on.get_future().wait();
        return text_reply("done");
    }};
    auto client = server.connect();
    client.send(get("/"));
    running.get_future().wait();
    auto stopped = std::async(std::launch::async, [&] { server.server.stop(); });
    EXPECT_EQ(stopped.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
    go_on.set_value();
    const auto reply = client.read_reply();
    EXPECT_EQ(reply.body, "done");
    EXPECT_EQ(reply.headers.at("connection"), "close");
    stopped.get();
}

TEST(Stopping, ClosesIdleConnectionsAndRefusesNewOnes) {
    RunningServer server{[](const http::Request&) { return text_reply("x"); }};
    auto idle = server.connect();
    idle.ask(get("/"));
    server.server.stop();
    EXPECT_EQ(idle.read_to_end(), "");
    EXPECT_THROW(server.connect(), std::runtime_error);
    server.server.stop();
}

TEST(Stopping, DoesNotWaitForAnswersThatWerePutOff) {
    std::promise<std::function<void(http::Response)>> reply;
    RunningServer server{[&](const http::Request&) {
        http::Response response;
        response.body = http::Response::Deferred{[&](auto later) { reply.set_value(std::move(later)); }};
        return response;
    }};
    auto client = server.connect();
    client.send(get("/"));
    const auto late = reply.get_future().get();
    const auto start = std::chrono::steady_clock::now();
    server.server.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
    EXPECT_EQ(client.read_to_end(), "");
    late(text_reply("nobody"));
}

TEST(Stopping, ClosesWebsocketsAndWaitsForTheirHandlers) {
    bool ended = false;
    RunningServer server{[&](const http::Request&) {
        http::Response response;
        response.body = http::Response::Upgrade{[&](const std::shared_ptr<http::WebSocket>& socket) {
            while (socket->receive()) {
            }
            ended = true;
        }};
        return response;
    }};
    http_test::WebClient client(server.path);
    auto stopped = std::async(std::launch::async, [&] { server.server.stop(); });
    EXPECT_EQ(client.receive().opcode, http_test::Frame::closing);
    client.raw.close();
    stopped.get();
    EXPECT_TRUE(ended);
}

TEST(Stopping, LeavesNoDescriptor) {
    const auto before = http_test::open_descriptors();
    {
        RunningServer server{[](const http::Request&) { return text_reply("x"); }};
        auto client = server.connect();
        client.ask(get("/"));
        const http_test::WebClient refused(server.path);
    }
    EXPECT_EQ(http_test::open_descriptors(), before);
}

} // namespace
