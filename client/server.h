#pragma once
// LXD's API over a Connection: the envelope, ETags and background operations. Commands make all their calls here.

#include <optional>
#include <string>
#include <string_view>

#include "client/connection.h"
#include "schema/json.h"

namespace client {

class Progress;

struct Reply {
    std::string text;      // the whole envelope
    schema::Json metadata; // what was asked for; of an operation, the operation
    std::string etag;
    std::string operation; // its URL; empty for a synchronous answer
};

/// How much of its calls a server prints to standard error: --verbose and --debug.
enum class Trace { none, calls, bodies };

class Server {
public:
    explicit Server(std::string socket_path, Trace trace = Trace::none)
        : connection_(std::move(socket_path)), trace_(trace) {}

    /// An error answer throws schema::Error with the server's text and the kind of its status.
    Reply get(const std::string& target) { return call("GET", target); }
    Reply put(const std::string& target, const schema::Json& body, const std::string& etag = {}) {
        return call("PUT", target, &body, etag);
    }
    Reply post(const std::string& target, const schema::Json& body) { return call("POST", target, &body); }
    Reply del(const std::string& target) { return call("DELETE", target); }
    Reply call(const std::string& method, const std::string& target, const schema::Json* body = nullptr,
               const std::string& etag = {});
    /// As call, for bodies that are not JSON.
    Reply send(const HttpRequest& request);

    /// Waits for an operation to end and returns it; a failed one throws its error. What is synchronous returns as it
    /// is. With `progress`, its state is shown meanwhile, and an interrupt from the keyboard cancels it.
    schema::Json wait(const Reply& reply, Progress* progress = nullptr);
    /// As wait, but a failed operation is returned like any other.
    schema::Json outcome(const std::string& operation);

    Connection& connection() { return connection_; }

private:
    schema::Json wait_interruptibly(const std::string& operation, Progress& progress);
    void trace(const HttpRequest& request) const;
    void trace(const HttpResponse& response) const;

    Connection connection_;
    Trace trace_;
};

/// The error of an answer with a status that is none of success.
[[noreturn]] void throw_error(const HttpRequest& request, const HttpResponse& response);
/// The id at the end of an operation's URL, its query left out.
std::string operation_id(std::string_view url);
/// Nothing where the object does not exist; other errors are thrown.
std::optional<schema::Json> get_if_exists(Server& server, const std::string& target);

} // namespace client
