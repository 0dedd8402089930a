#pragma once
// What an operation consists of; shared by operation.cpp and registry.cpp alone.

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "daemon/operations/operation.h"

namespace operations {

struct Operation::State {
    State(EventsHub& hub, base::Log& to, Spec& spec);

    /// Runs `edit` on the visible state and sends the result as an event, unless the operation is final or `edit`
    /// returns false. Events leave in the order of the changes.
    bool change(const std::function<bool(schema::Operation&)>& edit);
    /// Makes the operation final: Cancelled if that was asked for, else Failure or Success. Calls who waits.
    void finish(const std::string& error);
    /// One line at debug of what the operation has come to.
    void say(const char* message, const std::string& error = {}) const;

    EventsHub& events;
    base::Log& log;
    const std::string id;
    const std::optional<schema::Requestor> requestor;
    const bool awaited;
    base::CancelToken token;

    std::mutex publishing; // taken before `mutex`, held until the event is out
    mutable std::mutex mutex;
    std::condition_variable done_reached;
    schema::Operation visible;
    bool done = false; // final, and the event that says so is out
    std::map<int, std::function<void(const schema::Operation&)>> on_done;
    int next_callback = 0;
    std::chrono::steady_clock::time_point next_progress; // no event of progress before
};

} // namespace operations
