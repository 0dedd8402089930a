#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

#include "daemon/operations/operation.h"
#include "daemon/operations/operation_state.h"
#include "schema/error.h"

namespace operations {

struct Registry::State : std::enable_shared_from_this<State> {
    State(EventsHub& hub, base::Log& to, base::WorkerPool& pool, base::EventLoop& event_loop,
          std::chrono::milliseconds how_long)
        : events(hub), log(to), workers(pool), loop(event_loop), kept(how_long) {}

    std::shared_ptr<Operation> find(const std::string& id) const {
        const std::scoped_lock lock(mutex);
        const auto found =
            std::ranges::find_if(operations, [&](const auto& operation) { return operation->id() == id; });
        if (found == operations.end()) throw schema::not_found("Operation not found");
        return *found;
    }

    void add(const std::shared_ptr<Operation>& operation) {
        const std::scoped_lock lock(mutex);
        operations.push_back(operation);
        ++unfinished;
    }

    /// Says that an operation is final; it stays to be asked for a while.
    void end(const std::shared_ptr<Operation>& operation) {
        loop.after(kept, [self = weak_from_this(), ended = std::weak_ptr(operation)] {
            const auto state = self.lock();
            if (!state) return;
            const std::scoped_lock lock(state->mutex);
            std::erase(state->operations, ended.lock());
        });
        // Last: once nothing is unfinished, stop() returns and the loop may go.
        const std::scoped_lock lock(mutex);
        if (--unfinished == 0) all_finished.notify_all();
    }

    void run(const std::shared_ptr<Operation>& operation, std::function<void(Operation&)> work) {
        std::string error;
        try {
            operation->cancel_token().check(); // it may have been cancelled while it waited for a thread
            work(*operation);
        } catch (const std::exception& failure) {
            error = failure.what();
            if (error.empty()) error = "Unknown error";
        }
        work = nullptr;
        operation->state_->finish(error);
        end(operation);
    }

    void submit(const std::shared_ptr<Operation>& operation, std::function<void(Operation&)> work) {
        try {
            workers.run([self = shared_from_this(), operation, work = std::move(work)]() mutable {
                self->run(operation, std::move(work));
            });
        } catch (const std::exception& failure) { // no thread to be had
            operation->state_->finish(failure.what());
            end(operation);
        }
    }

    void cancel(const std::shared_ptr<Operation>& operation) {
        bool has_work = false;
        const bool cancelling = operation->state_->change([&](schema::Operation& visible) {
            if (visible.status != schema::Status::running) return false;
            if (!visible.may_cancel) throw schema::bad_request("This operation can't be cancelled");
            visible.status = schema::Status::cancelling;
            has_work = visible.class_name != "token";
            return true;
        });
        if (!cancelling) throw schema::bad_request("Only running operations can be cancelled");
        operation->state_->say("Cancelling operation");
        auto token = operation->cancel_token(); // a copy shares the state
        token.cancel();
        if (has_work) return;
        operation->state_->finish({});
        end(operation);
    }

    /// Cancels as clients do what `chosen` says; `otherwise` is called with those that may not be cancelled so, or have
    /// ended meanwhile.
    void cancel_all(const std::function<bool(const Operation&)>& chosen,
                    const std::function<void(Operation&)>& otherwise);
    void stop();

    EventsHub& events;
    base::Log& log;
    base::WorkerPool& workers;
    base::EventLoop& loop;
    const std::chrono::milliseconds kept;
    mutable std::mutex mutex;
    std::condition_variable all_finished;
    std::vector<std::shared_ptr<Operation>> operations; // by creation; few at a time
    size_t unfinished = 0;
};

void Registry::State::cancel_all(const std::function<bool(const Operation&)>& chosen,
                                 const std::function<void(Operation&)>& otherwise) {
    std::vector<std::shared_ptr<Operation>> present;
    {
        const std::scoped_lock lock(mutex);
        present = operations;
    }
    for (const auto& operation : present) {
        if (!chosen(*operation)) continue;
        try {
            cancel(operation);
        } catch (const schema::Error&) {
            otherwise(*operation);
        }
    }
}

void Registry::State::stop() {
    cancel_all([](const Operation&) { return true; },
               [](Operation& operation) {
                   if (operation.snapshot().class_name == "websocket") operation.cancel_token().cancel();
               });
    std::unique_lock lock(mutex);
    all_finished.wait(lock, [&] { return unfinished == 0; });
    operations.clear();
}

Registry::Registry(EventsHub& events, base::Log& log, base::WorkerPool& workers, base::EventLoop& loop,
                   std::chrono::milliseconds kept)
    : state_(std::make_shared<State>(events, log, workers, loop, kept)) {}

Registry::~Registry() {
    state_->stop();
}

std::shared_ptr<Operation> Registry::start(Spec spec, const std::function<void(Operation&)>& prepare) {
    if (!spec.run) spec.class_name = "token";
    const auto state = std::make_shared<Operation::State>(state_->events, state_->log, spec);
    const std::shared_ptr<Operation> operation(new Operation(state));
    if (prepare) prepare(*operation);
    state_->add(operation);
    state->say("New operation");
    state->change([](schema::Operation&) { return true; }); // Pending is told too
    state->change([](schema::Operation& visible) {
        visible.status = schema::Status::running;
        return true;
    });
    state->say("Started operation");
    if (spec.run) state_->submit(operation, std::move(spec.run));
    return operation;
}

std::shared_ptr<Operation> Registry::find(const std::string& id) const {
    return state_->find(id);
}

std::vector<std::shared_ptr<Operation>> Registry::list() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->operations;
}

void Registry::cancel(const std::string& id) {
    state_->cancel(state_->find(id));
}

size_t Registry::running() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->unfinished;
}

void Registry::drain(std::chrono::milliseconds timeout, const base::CancelToken& enough) {
    state_->cancel_all([](const Operation& operation) { return !operation.state_->awaited; }, [](Operation&) {});
    const auto watch = enough.on_cancel([state = state_] {
        const std::scoped_lock lock(state->mutex);
        state->all_finished.notify_all();
    });
    std::unique_lock lock(state_->mutex);
    state_->all_finished.wait_for(lock, timeout, [&] { return state_->unfinished == 0 || enough.cancelled(); });
}

} // namespace operations
