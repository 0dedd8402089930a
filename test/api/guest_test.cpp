#include <future>

#include <fcntl.h>

#include "daemon/api/guest/guest.h"
#include "test/api/daemon_fixture.h"

namespace {

/// The fake's containers are processes of our own pid namespace, and so callers from there are theirs.
class GuestTest : public DaemonTest {
protected:
    GuestTest() {
        set_up_storage();
        make_instance("c1", R"(,"config":{"security.privileged":"true","user.a":"1"})");
        guests_ = api::bind_guest(rooms_->context);
    }

    http::Response call(const std::string& method, const std::string& path, const std::string& body = "") const {
        http::Request request;
        request.method = method;
        request.path = path;
        request.body = body;
        request.peer.pid_namespace =
            std::make_shared<const base::Fd>(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
        return guests_(std::move(request));
    }
    std::string text(const std::string& path) const { return body_of(call("GET", path)); }
    void say(const std::string& state) const {
        EXPECT_EQ(call("PATCH", "/1.0", R"({"state":")" + state + "\"}").status, 200) << state;
    }

    http::Handler guests_;
};

TEST_F(GuestTest, AProcessOfNoContainerIsToldSo) {
    EXPECT_EQ(call("GET", "/1.0").status, 500);
    EXPECT_EQ(text("/1.0"), "pid not in container?\n");
    EXPECT_EQ(text("/nothing"), "404 page not found\n");
    start("c1");
    http::Request request;
    request.method = "GET";
    request.path = "/1.0";
    EXPECT_EQ(guests_(request).status, 500) << "without a namespace";
}

TEST_F(GuestTest, ACallDuringTheStartIsAnsweredAfterIt) {
    std::future<http::Response> early;
    runtime().before_next_start(
        [&] { early = std::async(std::launch::async, [this] { return call("GET", "/1.0"); }); });
    start("c1");
    EXPECT_EQ(early.get().status, 200);
}

TEST_F(GuestTest, ReadyLastsUntilTheContainerStopsOrSaysOtherwise) {
    start("c1");
    EXPECT_EQ(status("c1"), "Running");
    say("Ready");
    EXPECT_EQ(status("c1"), "Ready");
    EXPECT_EQ(get("/1.0/instances/c1/state")["status_code"].as_integer(), 113);
    say("Started");
    EXPECT_EQ(status("c1"), "Running");
    say("Ready");
    change_state("c1", R"({"action":"stop","force":true})");
    EXPECT_EQ(status("c1"), "Stopped");
    start("c1");
    EXPECT_EQ(status("c1"), "Running");
}

TEST_F(GuestTest, WhatHasNoStateOfOursIsRefused) {
    start("c1");
    for (const auto* body : {"", "{", "[]", R"({"state":1})", R"({"state":"Frozen"})", "{}"})
        EXPECT_EQ(call("PATCH", "/1.0", body).status, 400) << body;
    EXPECT_EQ(status("c1"), "Running");
}

TEST_F(GuestTest, OnlyKeysForGuestsAreShown) {
    start("c1");
    EXPECT_EQ(text("/1.0/config"), "[\"/1.0/config/user.a\"]\n");
    EXPECT_EQ(text("/1.0/config/user.a"), "1");
    for (const auto* key : {"security.privileged", "volatile.uuid", "volatile.user.a", "userx"})
        EXPECT_EQ(call("GET", std::string("/1.0/config/") + key).status, 403) << key;
}

} // namespace
