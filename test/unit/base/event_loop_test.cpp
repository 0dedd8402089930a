#include "daemon/base/event_loop.h"

#include <future>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

#include "daemon/base/fd.h"
#include "daemon/base/process.h"

namespace base {
namespace {

using namespace std::chrono_literals;

TEST(EventLoopTest, AReadableDescriptorCallsBackUntilRemoved) {
    EventLoop loop;
    auto pipe = make_pipe();
    std::promise<void> third;
    int calls = 0;
    EventLoop::Id id = 0;
    std::promise<void> known;
    id = loop.watch(pipe.read_end.get(), [&, ready = known.get_future().share()] {
        ready.wait();
        if (++calls < 3) return; // not read: it stays readable
        loop.remove(id);
        third.set_value();
    });
    known.set_value();
    write_all(pipe.write_end.get(), "x");
    third.get_future().wait();
    std::promise<void> later;
    loop.after(0ms, [&] { later.set_value(); });
    later.get_future().wait();
    EXPECT_EQ(calls, 3);
}

TEST(EventLoopTest, TimersRunInTheOrderOfTheirTime) {
    EventLoop loop;
    std::vector<int> order;
    std::promise<void> done;
    loop.after(30ms, [&] {
        order.push_back(3);
        done.set_value();
    });
    loop.after(20ms, [&] { order.push_back(2); });
    loop.after(10ms, [&] { order.push_back(1); });
    done.get_future().wait();
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(EventLoopTest, ATimerIsNeverEarly) {
    EventLoop loop;
    const auto start = std::chrono::steady_clock::now();
    std::promise<std::chrono::steady_clock::time_point> done;
    loop.after(15ms, [&] { done.set_value(std::chrono::steady_clock::now()); });
    EXPECT_GE(done.get_future().get() - start, 15ms);
}

TEST(EventLoopTest, ARemovedTimerDoesNotRun) {
    EventLoop loop;
    bool ran = false;
    std::promise<void> done;
    const auto id = loop.after(10ms, [&] { ran = true; });
    loop.after(20ms, [&] { done.set_value(); });
    loop.remove(id);
    loop.remove(id);
    loop.remove(123456);
    done.get_future().wait();
    EXPECT_FALSE(ran);
}

TEST(EventLoopTest, TheEndOfAProcessIsNoticed) {
    EventLoop loop;
    auto process = Process::spawn({.argv = {"true"}});
    std::promise<void> ended;
    EventLoop::Id id = 0;
    std::promise<void> known;
    id = loop.watch(process.pidfd(), [&, ready = known.get_future().share()] {
        ready.wait();
        loop.remove(id);
        ended.set_value();
    });
    known.set_value();
    ended.get_future().wait();
    EXPECT_TRUE(process.wait().ok());
}

TEST(EventLoopTest, EndingDropsWhatHasNotRun) {
    bool ran = false;
    {
        EventLoop loop;
        loop.after(1h, [&] { ran = true; });
    }
    EXPECT_FALSE(ran);
}

TEST(EventLoopTest, CallbacksMayAddAndRemove) {
    EventLoop loop;
    std::promise<void> done;
    const auto never = loop.after(1h, [] {});
    loop.after(1ms, [&] {
        loop.remove(never);
        loop.after(1ms, [&] { done.set_value(); });
    });
    done.get_future().wait();
}

} // namespace
} // namespace base
