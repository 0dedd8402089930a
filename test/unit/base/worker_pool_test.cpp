#include "daemon/base/worker_pool.h"

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "schema/json.h"

namespace base {
namespace {

TEST(WorkerPoolTest, AsManyJobsAsTheLimitRunAtOnce) {
    std::latch all_running(8); // outlives the pool, as does all that jobs use
    std::atomic<int> done = 0;
    WorkerPool pool(8);
    for (int i = 0; i < 8; ++i)
        pool.run([&] {
            all_running.arrive_and_wait();
            ++done;
        });
    all_running.wait();
    EXPECT_LE(done, 8);
}

TEST(WorkerPoolTest, NeverMoreThanTheLimit) {
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    {
        WorkerPool pool(3);
        for (int i = 0; i < 200; ++i)
            pool.run([&] {
                const int now = ++running;
                int seen = most;
                while (seen < now && !most.compare_exchange_weak(seen, now)) {
                }
                std::this_thread::yield();
                --running;
            });
    }
    EXPECT_LE(most, 3);
}

TEST(WorkerPoolTest, QueuedJobsRunInOrder) {
    std::vector<int> order;
    {
        WorkerPool pool(1);
        for (int i = 0; i < 50; ++i) pool.run([&, i] { order.push_back(i); });
    }
    for (int i = 0; i < 50; ++i) EXPECT_EQ(order.at(static_cast<size_t>(i)), i);
}

TEST(WorkerPoolTest, EndingRunsWhatIsQueued) {
    std::atomic<int> done = 0;
    {
        WorkerPool pool(2);
        for (int i = 0; i < 100; ++i) pool.run([&] { ++done; });
    }
    EXPECT_EQ(done, 100);
}

TEST(WorkerPoolTest, OneJobAfterTheOtherNeedsOneThread) {
    std::mutex mutex;
    std::set<std::thread::id> threads;
    WorkerPool pool(16);
    for (int i = 0; i < 100; ++i) {
        std::latch done(1);
        pool.run([&] {
            const std::scoped_lock lock(mutex);
            threads.insert(std::this_thread::get_id());
            done.count_down();
        });
        done.wait();
    }
    // A thread that has told us that it is done may not be idle yet when the next job comes.
    EXPECT_LE(threads.size(), 4U);
}

TEST(WorkerPoolTest, JobsMayStartJobs) {
    std::atomic<int> done = 0;
    {
        WorkerPool pool(2);
        pool.run([&] {
            for (int i = 0; i < 10; ++i) pool.run([&] { ++done; });
        });
    }
    EXPECT_EQ(done, 10);
}

TEST(WorkerPoolTest, ItsStacksHoldTheDeepestJsonThatIsAccepted) {
    std::string objects;
    for (int i = 0; i < 511; ++i) objects += "{\"a\":";
    objects += "[]" + std::string(511, '}');
    for (const auto& text : {std::string(512, '[') + std::string(512, ']'), objects}) {
        bool same = false;
        {
            WorkerPool pool(1);
            pool.run([&] {
                const auto parsed = schema::Json::parse(text);
                const auto copy = parsed;
                same = copy == parsed && copy.dump() == text;
            });
        }
        EXPECT_TRUE(same);
    }
}

} // namespace
} // namespace base
