#pragma once
// The HTTP server: cpprest's http_listener over our own Beast transport (unix sockets with peer credentials, TLS,
// inherited descriptors, websockets, streamed bodies). The daemon owns one; api gives it the handler.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/worker_pool.h"
#include "daemon/http/message.h"
#include "schema/limits.h"

namespace http {

struct TlsIdentity {
    std::string certificate_pem;
    std::string key_pem;
};

class Server {
public:
    struct Options {
        size_t io_threads = 1;
        size_t max_header_bytes = schema::limits::request_head.value;
        size_t max_buffered_body = buffered_body_limit;
        size_t most_open = schema::limits::connections.value;
        size_t share_of_descriptors = 2; // of so many descriptors of the process at most one is a connection
        /// Where it is not 0: how many connections with the same Peer::group may be open. Past it the longest idle one
        /// is closed, or the new one where none is idle; the latter then holds for `most_open`, too, which otherwise
        /// bounds nothing but idle connections.
        size_t most_in_group = 0;
        /// For handlers that are running when the server stops, then for their answers and for websockets to close.
        std::chrono::milliseconds drain_time{5000};
    };
    /// Looks at a connection that was accepted, before anything is read from it. Must not throw.
    using Identify = std::function<void(int socket, Peer& peer)>;

    /// Handlers run on `workers`, which must outlive the server.
    Server(Options options, base::WorkerPool& workers, Handler handler);
    /// As stop().
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Accepts on a bound, listening unix stream socket (our own or an inherited one).
    void listen_unix(base::Fd socket, Identify identify = {});
    /// Accepts TLS on a bound, listening TCP socket. Clients may present a certificate, self-signed or not.
    void listen_tls(base::Fd socket, TlsIdentity identity);
    /// Stops accepting, waits for running handlers, closes websockets and connections. Idempotent.
    void stop();

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// Binds a unix stream socket: a stale file is replaced, one on which somebody answers is an error. The file gets
/// `mode` and, where >= 0, the group `gid` before it can be connected to.
base::Fd bind_unix(const std::string& path, unsigned mode, int gid);
/// Binds a TCP socket on "host:port", "[v6]:port" or ":port" (dual stack).
base::Fd bind_tcp(const std::string& address);

} // namespace http
