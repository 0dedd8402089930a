#include "daemon/api/handlers/handlers.h"

#include <charconv>
#include <memory>
#include <mutex>

#include "daemon/api/respond.h"
#include "schema/error.h"

namespace api {

using schema::Json;

namespace {

constexpr std::string_view operations_url = "/1.0/operations/";

/// "Running" -> "running", the key LXD groups operations by.
std::string group(schema::Status status) {
    std::string name(schema::status_name(status));
    for (auto& letter : name) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    return name;
}

/// Seconds to wait; negative: for ever.
int wait_timeout(const http::Request& request) {
    const auto& text = request.parameter("timeout");
    if (text.empty()) return -1;
    int seconds = 0;
    const auto* end = text.data() + text.size();
    if (const auto got = std::from_chars(text.data(), end, seconds); got.ec != std::errc{} || got.ptr != end)
        throw schema::bad_request("Invalid timeout {:?}", text);
    return seconds;
}

/// One answer for whichever comes first: the operation's end or the timeout. Owns both registrations.
struct Wait {
    std::mutex mutex;
    std::function<void(http::Response)> reply;
    std::shared_ptr<void> on_done;
    base::EventLoop::Id timer = 0;

    void answer(const schema::Operation& operation) {
        std::function<void(http::Response)> send;
        {
            const std::scoped_lock lock(mutex);
            send.swap(reply);
        }
        if (send) send(sync(to_json(operation)));
    }
};

} // namespace

http::Response operations_get(Context& context, const http::Request& request) {
    const bool objects = recursion(request) > 0;
    std::map<std::string, Json> groups;
    for (const auto& operation : context.operations.list()) {
        const auto snapshot = operation->snapshot();
        if (snapshot.class_name == "token" && schema::is_final(snapshot.status)) continue;
        groups[group(snapshot.status)].push_back(objects ? to_json(snapshot)
                                                         : Json(std::string(operations_url) + snapshot.id));
    }
    return sync(Json(groups));
}

http::Response operation_get(Context& context, const http::Request& request) {
    return sync(to_json(context.operations.find(argument(request, "id"))->snapshot()));
}

http::Response operation_delete(Context& context, const http::Request& request) {
    const auto& id = argument(request, "id");
    context.operations.cancel(id);
    context.events.lifecycle("operation-cancelled", std::string(operations_url) + id, {}, requestor(request));
    return done();
}

http::Response operation_wait_get(Context& context, const http::Request& request) {
    const auto operation = context.operations.find(argument(request, "id"));
    const auto timeout = wait_timeout(request);
    if (timeout == 0) return sync(to_json(operation->snapshot()));

    http::Response response;
    response.body = http::Response::Deferred{[&loop = context.loop, operation, timeout](auto reply) {
        auto wait = std::make_shared<Wait>();
        wait->reply = std::move(reply);
        if (timeout > 0)
            wait->timer =
                loop.after(std::chrono::seconds(timeout), [wait, operation] { wait->answer(operation->snapshot()); });
        // The registration lives as long as the operation, which ends it: an endless wait needs no owner of its own.
        auto registration = operation->on_done([wait, &loop](const schema::Operation& final_state) {
            if (wait->timer != 0) loop.remove(wait->timer);
            wait->answer(final_state);
        });
        const std::scoped_lock lock(wait->mutex);
        if (wait->reply) wait->on_done = std::move(registration);
    }};
    return response;
}

http::Response operation_websocket_get(Context& context, const http::Request& request) {
    const auto operation = context.operations.find(argument(request, "id"));
    const auto& secret = request.parameter("secret");
    if (secret.empty()) throw schema::bad_request("Missing secret");
    if (!operation->connect) throw schema::bad_request("Only websocket operations can be connected");
    if (operation->snapshot().status != schema::Status::running)
        throw schema::bad_request("Only running operations can be connected");
    operation->connect(secret, nullptr);

    http::Response response;
    response.status = 101;
    response.body = http::Response::Upgrade{[operation, secret](std::shared_ptr<base::WebSocket> socket) {
        operation->connect(secret, std::move(socket));
    }};
    return response;
}

} // namespace api
