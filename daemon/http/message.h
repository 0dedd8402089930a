#pragma once
// A request and a response as plain values, so that handlers neither see cpprest nor Beast and are tested by equality.
// Made by the glue in daemon/http, read by daemon/api.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/web_socket.h"
#include "schema/limits.h"

namespace http {

/// Header names compare without case. Several values of one name are joined by ", ".
struct CaseInsensitive {
    bool operator()(std::string_view left, std::string_view right) const noexcept;
    using is_transparent = void;
};
using Headers = std::map<std::string, std::string, CaseInsensitive>;

/// Who is at the other end of the connection.
struct Peer {
    enum class Kind { unix_socket, tls };
    Kind kind = Kind::unix_socket;
    // unix socket: SO_PEERCRED
    uint32_t uid = 0;
    uint32_t gid = 0;
    int32_t pid = 0;
    // TLS
    std::string address;         // "192.0.2.1:4711"
    std::string certificate_der; // what the client presented; empty where it presented none
    // what Server::Identify found out
    std::string group;                             // see Server::Options::most_in_group
    std::shared_ptr<const base::Fd> pid_namespace; // that it runs in
};

/// A body that is pulled piece by piece, with back-pressure. One reader, blocking; any thread.
class BodySource {
public:
    virtual ~BodySource() = default;
    /// Fills `buffer` with at least one byte and returns how many; 0 at the end of the body. Throws schema::Error when
    /// the peer goes away before it.
    virtual size_t read(char* buffer, size_t size) = 0;
};

/// A response body that is produced piece by piece while it is sent.
class BodyProducer {
public:
    virtual ~BodyProducer() = default;
    /// As BodySource::read. An exception closes the connection, so that the client sees a cut body.
    virtual size_t read(char* buffer, size_t size) = 0;
    /// Bytes in all, where known: sent as Content-Length; otherwise the body is chunked.
    virtual std::optional<uint64_t> length() const { return {}; }
};

using WebSocket = base::WebSocket;

struct Request {
    std::string method;                       // "GET"
    std::string path;                         // decoded, without query: "/1.0/instances/c1"
    std::map<std::string, std::string> query; // decoded; the first of several values
    Headers headers;
    Peer peer;
    std::string body;                             // whole, when no longer than `buffered_body_limit`
    std::shared_ptr<BodySource> stream;           // otherwise (or when the length is unknown and proves larger)
    std::map<std::string, std::string> arguments; // of the route: {"name": "c1"}; decoded

    /// The value of a query parameter; empty where it is missing.
    const std::string& parameter(const std::string& name) const;
    /// The value of a header; empty where it is missing.
    const std::string& header(std::string_view name) const;
};

/// Bodies up to this size are buffered before the handler runs, larger ones are pulled by it.
constexpr size_t buffered_body_limit = schema::limits::json_body.value;

struct Response {
    int status = 200;
    Headers headers;

    struct Upgrade {
        /// Takes the connection over as a websocket; runs on a worker thread and may block for the socket's life.
        std::function<void(std::shared_ptr<WebSocket>)> websocket;
    };
    /// An answer that comes later without holding a thread: called once with a function that may be called once, from
    /// any thread.
    struct Deferred {
        std::function<void(std::function<void(Response)> reply)> start;
    };

    struct Tunnel {
        std::string protocol;             // that the connection is taken over for: "sftp"
        std::shared_ptr<base::Fd> socket; // what is sent comes from here, what is received goes here
        std::shared_ptr<void> keep;       // let go of when either side has ended, on a worker
    };

    /// A body that comes when it comes, and ends with the connection; no thread is held for it.
    struct Feed {
        /// Sends some more. Never blocks; any thread. False once the connection has gone, or goes because more than
        /// `backlog` bytes wait already.
        using Send = std::function<bool(std::string_view)>;
        size_t backlog = 0;
        /// Called once, when the answer is sent. What it returns is let go of on a worker when the connection has gone.
        std::function<std::shared_ptr<void>(Send)> start;
    };

    std::variant<std::string, std::shared_ptr<BodyProducer>, Upgrade, Deferred, Tunnel, Feed> body;
};

/// Answers one request. May block; runs on a worker thread. Must not throw.
using Handler = std::function<Response(Request)>;

} // namespace http
