#pragma once
// Background work as LXD defines it: an operation that clients can poll, wait for, cancel and attach websockets to.
// The registry owns them; every change goes out as an event.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/base/event_loop.h"
#include "daemon/base/log.h"
#include "daemon/base/web_socket.h"
#include "daemon/base/worker_pool.h"
#include "schema/api/event.h"
#include "schema/api/operation.h"

namespace operations {

class EventsHub;
class Operation;

/// What a handler asks the registry to run.
struct Spec {
    std::string class_name = "task";                           // "task", "websocket" or "token"
    std::string description;                                   // LXD's words: "Creating instance"
    std::map<std::string, std::vector<std::string>> resources; // kind -> URLs
    bool name_containers = true; // doubles "instances" as "containers", as LXD does except for changes of state
    schema::Json metadata;       // at the start; null or an object
    bool may_cancel = false;     // whether DELETE cancels `run` through its token
    bool awaited = false;        // a user's command: a shutdown waits for it, and cancels others that may be
    std::optional<schema::Requestor> requestor;
    /// The work; runs on a worker thread, throws on failure; freed when it has returned. Nothing: the operation lives
    /// until cancelled (token).
    std::function<void(Operation&)> run;
};

class Operation {
public:
    const std::string& id() const noexcept;
    schema::Operation snapshot() const; // as clients see it now
    const base::CancelToken& cancel_token() const noexcept;
    const std::optional<schema::Requestor>& requestor() const noexcept;

    /// Replaces one member of the metadata and sends an event. Thread-safe. Ignored once the operation is final.
    void set_metadata(std::string_view key, schema::Json value);
    /// As set_metadata, for progress texts: at most four events a second.
    void set_progress(std::string_view key, std::string_view text);
    /// Called once with the final state, on some thread; at once if it is final already. The returned handle
    /// unregisters when destroyed, without waiting for a call that has begun.
    std::shared_ptr<void> on_done(std::function<void(const schema::Operation&)> callback);
    /// Blocks until final.
    schema::Operation wait();

    /// For class "websocket": takes over the connection that came with this secret. Throws forbidden for a wrong one,
    /// before the connection is upgraded: then it is called with no socket, to check. Set in `prepare`.
    std::function<void(const std::string& secret, std::shared_ptr<base::WebSocket> socket)> connect;

private:
    friend class Registry;
    struct State;
    explicit Operation(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

class Registry {
public:
    /// All must outlive the registry. `kept` is how long a finished operation can still be asked for.
    Registry(EventsHub& events, base::Log& log, base::WorkerPool& workers, base::EventLoop& loop,
             std::chrono::milliseconds kept = std::chrono::seconds(5));
    /// Cancels what may be cancelled, ends websocket operations through their tokens, and waits for the rest.
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    /// Starts the work; the operation returned is Running already. `prepare` runs before it is visible to anybody
    /// (to set `connect`).
    std::shared_ptr<Operation> start(Spec spec, const std::function<void(Operation&)>& prepare = {});
    /// Throws not_found.
    std::shared_ptr<Operation> find(const std::string& id) const;
    std::vector<std::shared_ptr<Operation>> list() const; // by creation
    /// Throws bad_request "This operation can't be cancelled" or "Only running operations can be cancelled", or
    /// not_found. Returns at once; the operation becomes Cancelling, then Cancelled when its work has stopped (however
    /// it did), with the text of what the work threw as `err`. A token is Cancelled at once.
    void cancel(const std::string& id);
    /// Operations that are not final.
    size_t running() const;
    /// Cancels what may be cancelled, but for users' commands, and waits for the rest, for `timeout` at most, or until
    /// the token is cancelled.
    void drain(std::chrono::milliseconds timeout, const base::CancelToken& enough);

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace operations
