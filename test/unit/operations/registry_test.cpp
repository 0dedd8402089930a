#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/operations/events.h"
#include "daemon/operations/operation.h"
#include "schema/error.h"

namespace operations {
namespace {

using schema::Status;
using namespace std::chrono_literals;

struct RegistryTest : testing::Test {
    EventsHub hub;
    base::Log log{{.level = base::LogLevel::error}};
    std::mutex mutex;
    std::vector<schema::Operation> told; // by the events
    std::shared_ptr<void> subscription = hub.subscribe({"operation"}, base::LogLevel::trace, [this](const auto& text) {
        const std::scoped_lock lock(mutex);
        told.push_back(schema::operation_from(schema::Json::parse(text)["metadata"]));
        return true;
    });
    base::WorkerPool workers{8};
    base::EventLoop loop;
    Registry registry{hub, log, workers, loop};

    std::vector<Status> statuses() {
        const std::scoped_lock lock(mutex);
        std::vector<Status> result;
        for (const auto& operation : told) result.push_back(operation.status);
        return result;
    }
    static Spec task(std::function<void(Operation&)> run) {
        Spec spec;
        spec.description = "Creating instance";
        spec.resources = {{"instances", {"/1.0/instances/c1"}}};
        spec.run = std::move(run);
        return spec;
    }
    /// Work that waits until its token is cancelled.
    static void wait_for_cancel(Operation& operation) {
        std::promise<void> cancelled;
        auto token = operation.cancel_token();
        const auto handle = token.on_cancel([&] { cancelled.set_value(); });
        cancelled.get_future().wait();
        token.check();
    }
};

std::string error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const schema::Error& error) {
        return std::to_string(schema::http_status(error.kind())) + " " + error.what();
    }
    return {};
}

TEST_F(RegistryTest, SuccessIsToldStepByStep) {
    const auto operation = registry.start(task([](Operation&) {}));
    const auto end = operation->wait();
    EXPECT_EQ(end.status, Status::success);
    EXPECT_EQ(end.err, "");
    EXPECT_EQ(statuses(), (std::vector{Status::pending, Status::running, Status::success}));
}

TEST_F(RegistryTest, AFailureCarriesItsText) {
    const auto end = registry.start(task([](Operation&) { throw schema::failure("no space"); }))->wait();
    EXPECT_EQ(end.status, Status::failure);
    EXPECT_EQ(end.err, "no space");
    EXPECT_EQ(static_cast<int>(end.status), 400);
}

TEST_F(RegistryTest, InstancesAreNamedAsContainersToo) {
    std::latch release(1);
    const auto operation = registry.start(task([&](Operation&) { release.wait(); }));
    const std::map<std::string, std::vector<std::string>> expected{{"containers", {"/1.0/containers/c1"}},
                                                                   {"instances", {"/1.0/instances/c1"}}};
    EXPECT_EQ(operation->snapshot().resources, expected);
    EXPECT_EQ(operation->snapshot().status, Status::running);
    release.count_down();
    operation->wait();
}

TEST_F(RegistryTest, AChangeOfStateNamesInstancesAlone) {
    auto spec = task([](Operation&) {});
    spec.name_containers = false;
    EXPECT_EQ(registry.start(std::move(spec))->wait().resources.size(), 1U);
}

TEST_F(RegistryTest, MetadataIsMergedAndTold) {
    auto spec = task([](Operation& operation) {
        operation.set_metadata("return", 0);
        operation.set_metadata("fds", 1);
        operation.set_metadata("return", 7);
    });
    spec.metadata.set("command", "true");
    const auto end = registry.start(std::move(spec))->wait();
    EXPECT_EQ(end.metadata.dump(), R"({"command":"true","return":7,"fds":1})");
    EXPECT_GE(end.updated_at, end.created_at);
    EXPECT_EQ(statuses().size(), 6U);
}

TEST_F(RegistryTest, MetadataAfterTheEndIsIgnored) {
    const auto operation = registry.start(task([](Operation&) {}));
    operation->wait();
    operation->set_metadata("late", 1);
    EXPECT_TRUE(operation->snapshot().metadata.is_null());
}

TEST_F(RegistryTest, ProgressIsToldNowAndThenAndKeptWhole) {
    const auto operation = registry.start(task([](Operation& self) {
        for (int i = 0; i <= 100; ++i) self.set_progress("download_progress", fmt::format("{}%", i));
    }));
    EXPECT_EQ(operation->wait().metadata["download_progress"].as_string(), "100%");
    EXPECT_LT(statuses().size(), 20U);
    EXPECT_GE(statuses().size(), 4U);
}

TEST_F(RegistryTest, CancellingEndsTheWorkThroughItsToken) {
    auto spec = task(wait_for_cancel);
    spec.may_cancel = true;
    const auto operation = registry.start(std::move(spec));
    EXPECT_TRUE(operation->snapshot().may_cancel);
    registry.cancel(operation->id());
    const auto end = operation->wait();
    EXPECT_EQ(end.status, Status::cancelled);
    EXPECT_EQ(end.err, "Operation cancelled");
    EXPECT_EQ(statuses(), (std::vector{Status::pending, Status::running, Status::cancelling, Status::cancelled}));
}

TEST_F(RegistryTest, WorkThatMayNotBeCancelledGoesOn) {
    std::latch release(1);
    const auto operation = registry.start(task([&](Operation&) { release.wait(); }));
    EXPECT_EQ(error_of([&] { registry.cancel(operation->id()); }), "400 This operation can't be cancelled");
    release.count_down();
    EXPECT_EQ(operation->wait().status, Status::success);
}

TEST_F(RegistryTest, AFinishedOperationCannotBeCancelled) {
    auto spec = task([](Operation&) {});
    spec.may_cancel = true;
    const auto operation = registry.start(std::move(spec));
    operation->wait();
    EXPECT_EQ(error_of([&] { registry.cancel(operation->id()); }), "400 Only running operations can be cancelled");
}

TEST_F(RegistryTest, WhatBecomesOfAnOperationIsLoggedAtDebug) {
    std::vector<std::string> said;
    log.set_listener(
        [&](const base::LogRecord& record) {
            const std::scoped_lock lock(mutex);
            said.push_back(std::string(base::level_name(record.level)) + ": " + record.message +
                           (record.context.contains("err") ? ": " + record.context.at("err") : ""));
        },
        [](base::LogLevel) { return true; });
    registry.start(task([](Operation&) {}))->wait();
    registry.start(task([](Operation&) { throw schema::failure("no"); }))->wait();
    const std::scoped_lock lock(mutex);
    EXPECT_EQ(said, (std::vector<std::string>{"debug: New operation", "debug: Started operation",
                                              "debug: Success for operation", "debug: New operation",
                                              "debug: Started operation", "debug: Failure for operation: no"}));
}

TEST_F(RegistryTest, AnUnknownOperationIsNotFound) {
    EXPECT_EQ(error_of([&] { registry.find("x"); }), "404 Operation not found");
    EXPECT_EQ(error_of([&] { registry.cancel("x"); }), "404 Operation not found");
}

TEST_F(RegistryTest, WhatIsCancelledBeforeItsTurnNeverRuns) {
    base::WorkerPool one(1);
    Registry narrow(hub, log, one, loop);
    std::latch release(1);
    const auto first = narrow.start(task([&](Operation&) { release.wait(); }));
    bool ran = false;
    auto spec = task([&](Operation&) { ran = true; });
    spec.may_cancel = true;
    const auto second = narrow.start(std::move(spec));
    narrow.cancel(second->id());
    release.count_down();
    EXPECT_EQ(second->wait().status, Status::cancelled);
    EXPECT_FALSE(ran);
}

TEST_F(RegistryTest, ATokenLivesUntilItIsCancelled) {
    Spec spec;
    spec.class_name = "token";
    const auto operation = registry.start(std::move(spec));
    EXPECT_EQ(operation->snapshot().status, Status::running);
    EXPECT_TRUE(operation->snapshot().may_cancel);
    registry.cancel(operation->id());
    EXPECT_EQ(operation->snapshot().status, Status::cancelled);
}

TEST_F(RegistryTest, AFinishedOperationIsFoundForAWhile) {
    Registry forgetful(hub, log, workers, loop, 50ms);
    const auto operation = forgetful.start(task([](Operation&) {}));
    operation->wait();
    EXPECT_EQ(forgetful.find(operation->id()), operation);
    std::promise<void> later; // on the loop that the registry uses, after its timer
    loop.after(500ms, [&] { later.set_value(); });
    later.get_future().wait();
    EXPECT_EQ(error_of([&] { forgetful.find(operation->id()); }), "404 Operation not found");
    EXPECT_TRUE(forgetful.list().empty());
}

TEST_F(RegistryTest, TheListIsByCreationAndRunningCountsTheUnfinished) {
    std::latch release(1);
    const auto first = registry.start(task([&](Operation&) { release.wait(); }));
    const auto second = registry.start(task([&](Operation&) { release.wait(); }));
    const auto list = registry.list();
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[0], first);
    EXPECT_EQ(list[1], second);
    EXPECT_EQ(registry.running(), 2U);
    release.count_down();
    first->wait();
    second->wait();
}

TEST_F(RegistryTest, WhoWaitsIsCalledOnceAndMayGiveUp) {
    std::latch release(1);
    const auto operation = registry.start(task([&](Operation&) { release.wait(); }));
    std::promise<Status> done;
    bool dropped_ran = false;
    const auto kept = operation->on_done([&](const schema::Operation& end) { done.set_value(end.status); });
    auto dropped = operation->on_done([&](const schema::Operation&) { dropped_ran = true; });
    dropped.reset();
    release.count_down();
    EXPECT_EQ(done.get_future().get(), Status::success);
    EXPECT_FALSE(dropped_ran);
    bool at_once = false;
    operation->on_done([&](const schema::Operation&) { at_once = true; });
    EXPECT_TRUE(at_once);
}

TEST_F(RegistryTest, PreparationComesBeforeAnybodySeesTheOperation) {
    size_t seen = 99;
    auto spec = task([](Operation&) {});
    spec.class_name = "websocket";
    const auto operation = registry.start(std::move(spec), [&](Operation& self) {
        seen = registry.list().size() + statuses().size();
        self.connect = [](const std::string&, const std::shared_ptr<void>&) {};
    });
    EXPECT_EQ(seen, 0U);
    EXPECT_TRUE(operation->connect);
}

TEST_F(RegistryTest, WhatTheWorkHoldsIsFreedWhenItIsDone) {
    auto held = std::make_shared<int>();
    const std::weak_ptr<int> watched = held;
    auto spec = task([held = std::move(held)](Operation&) {});
    registry.start(std::move(spec))->wait();
    EXPECT_TRUE(watched.expired());
}

TEST_F(RegistryTest, EndingCancelsAndWaits) {
    std::atomic<bool> finished = false;
    std::shared_ptr<Operation> cancellable;
    std::shared_ptr<Operation> websocket;
    std::shared_ptr<Operation> token;
    {
        Registry short_lived(hub, log, workers, loop);
        auto spec = task(wait_for_cancel);
        spec.may_cancel = true;
        cancellable = short_lived.start(std::move(spec));
        spec = task(wait_for_cancel);
        spec.class_name = "websocket";
        websocket = short_lived.start(std::move(spec));
        token = short_lived.start({});
        short_lived.start(task([&](Operation&) {
            std::this_thread::yield();
            finished = true;
        }));
    }
    EXPECT_TRUE(finished);
    EXPECT_EQ(cancellable->snapshot().status, Status::cancelled);
    EXPECT_EQ(websocket->snapshot().status, Status::failure);
    EXPECT_EQ(token->snapshot().status, Status::cancelled);
}

TEST_F(RegistryTest, DrainingCancelsAllButUsersCommandsAndWaitsForThose) {
    auto spec = task(wait_for_cancel);
    spec.may_cancel = true;
    const auto cancellable = registry.start(std::move(spec));
    spec = task(wait_for_cancel);
    spec.may_cancel = true;
    spec.awaited = true;
    const auto command = registry.start(std::move(spec));

    registry.drain(0ms, {});
    EXPECT_EQ(cancellable->wait().status, Status::cancelled);
    EXPECT_EQ(command->snapshot().status, Status::running);

    const base::CancelToken enough;
    std::thread forced([&] { enough.cancel(); });
    registry.drain(1h, enough);
    forced.join();
    EXPECT_EQ(command->snapshot().status, Status::running);

    std::thread ended([&] { registry.cancel(command->id()); });
    registry.drain(1h, {});
    ended.join();
    EXPECT_EQ(command->snapshot().status, Status::cancelled);
}

TEST_F(RegistryTest, ManyOperationsAtOnceAllEnd) {
    std::vector<std::shared_ptr<Operation>> all;
    for (int i = 0; i < 200; ++i) {
        auto spec = task([i](Operation& self) {
            self.set_metadata("number", i);
            if (i % 3 == 0) throw schema::failure("odd");
        });
        spec.may_cancel = true;
        all.push_back(registry.start(std::move(spec)));
    }
    for (const auto& operation : all) {
        try {
            registry.cancel(operation->id());
        } catch (const schema::Error&) {
        }
    }
    for (const auto& operation : all) EXPECT_TRUE(schema::is_final(operation->wait().status));
}

} // namespace
} // namespace operations
