#include <atomic>
#include <future>
#include <mutex>

#include <gtest/gtest.h>

#include "test/unit/http/running_server.h"

namespace http_test {
namespace {

using http::Peer;
using http::Request;

/// A server of which each group may have two connections; a client's group is what the test says before it connects.
class GroupsTest : public ::testing::Test {
protected:
    GroupsTest() : server_(options(), workers_, [this](const Request& request) { return answer(request); }) {
        server_.listen_unix(http::bind_unix(path_, 0600, -1), [this](int, Peer& peer) {
            const std::scoped_lock lock(mutex_);
            peer.group = group_;
        });
    }
    ~GroupsTest() override { gate_.set_value(); }

    static http::Server::Options options() {
        http::Server::Options options;
        options.most_in_group = 2;
        return options;
    }
    http::Response answer(const Request& request) {
        if (request.path == "/wait") {
            ++waiting_;
            opened_.wait();
        }
        return text_reply(request.peer.group);
    }
    /// Connected and answered, so that the server knows it.
    RawClient client(const std::string& group) {
        {
            const std::scoped_lock lock(mutex_);
            group_ = group;
        }
        RawClient made(path_);
        EXPECT_EQ(made.ask(get("/")).body, group);
        return made;
    }
    static bool is_closed(RawClient& client) { return client.read_to_end().empty(); }

    TempDir folder_;
    const std::string path_ = folder_ / "socket";
    std::mutex mutex_; // the server's threads read
    std::string group_;
    std::atomic<int> waiting_ = 0;
    std::promise<void> gate_;
    std::shared_future<void> opened_ = gate_.get_future().share();
    base::WorkerPool workers_{8};
    http::Server server_;
};

TEST_F(GroupsTest, TheLongestIdleOneOfTheGroupGivesWay) {
    auto stranger = client("b");
    auto first = client("a");
    auto second = client("a");
    EXPECT_EQ(first.ask(get("/")).status, 200); // the second has been idle for longer now
    auto third = client("a");
    EXPECT_TRUE(is_closed(second));
    EXPECT_EQ(first.ask(get("/")).status, 200);
    EXPECT_EQ(third.ask(get("/")).status, 200);
    EXPECT_EQ(stranger.ask(get("/")).status, 200);
}

TEST_F(GroupsTest, WhereAllAreAtWorkTheNewOneIsClosed) {
    const auto first = client("a");
    const auto second = client("a");
    first.send(get("/wait"));
    second.send(get("/wait"));
    ASSERT_TRUE(eventually([&] { return waiting_ == 2; }));
    RawClient third(path_);
    EXPECT_TRUE(is_closed(third));
    auto other = client("b");
    EXPECT_EQ(other.ask(get("/")).status, 200);
}

TEST_F(GroupsTest, OneThatEndsMakesRoom) {
    for (int i = 0; i < 20; ++i) client("a");
    auto last = client("a");
    EXPECT_EQ(last.ask(get("/")).status, 200);
}

} // namespace
} // namespace http_test
