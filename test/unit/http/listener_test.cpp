// Requests enter through cpprest: the program's own definition of http_listener_impl::handle_request takes the place of
// the library's, counts, and calls it.

#include <atomic>

#include <dlfcn.h>

#include <gtest/gtest.h>

#include "test/unit/http/running_server.h"

#define HANDLE_REQUEST                                                                                                 \
    "_ZN3web4http12experimental8listener7details18http_listener_impl14handle_requestENS0_12http_requestE"

namespace {

std::atomic<int> passed{0};

} // namespace

// The request is passed by reference, as its copying is not trivial.
void counting_handle_request(void* listener, void* request) asm(HANDLE_REQUEST);
void counting_handle_request(void* listener, void* request) {
    static const auto original = reinterpret_cast<void (*)(void*, void*)>(::dlsym(RTLD_NEXT, HANDLE_REQUEST));
    ++passed;
    original(listener, request);
}

namespace {

TEST(Listener, OfCpprestSeesEveryRequest) {
    http_test::RunningServer server{[](const http::Request&) { return http_test::text_reply("x"); }};
    auto client = server.connect();
    const int before = passed;
    for (int i = 1; i <= 3; ++i) {
        client.ask(http_test::get("/"));
        EXPECT_EQ(passed, before + i);
    }
}

TEST(Listener, OfEachServerIsItsOwn) {
    http_test::RunningServer first{[](const http::Request&) { return http_test::text_reply("first"); }};
    http_test::RunningServer second{[](const http::Request&) { return http_test::text_reply("second"); }};
    EXPECT_EQ(first.connect().ask(http_test::get("/")).body, "first");
    EXPECT_EQ(second.connect().ask(http_test::get("/")).body, "second");
    second.server.stop();
    EXPECT_EQ(first.connect().ask(http_test::get("/")).body, "first");
}

} // namespace
