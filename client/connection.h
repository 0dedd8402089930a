#pragma once
// HTTP and websockets to the daemon over its unix socket. The only place of the client that sees Beast. Bodies of any
// size pass in bounded memory; nothing here knows LXD's envelope (server.h does).

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/fd.h"

namespace client {

/// A piece of a request's body: a text, or what a descriptor yields up to its end.
struct BodyPart {
    std::string text = {};
    int fd = -1;       // read when not negative; not owned
    int64_t size = -1; // of the descriptor's content; -1: not known, the body is then sent in chunks
};

struct HttpRequest {
    std::string method = "GET";
    std::string target; // "/1.0/instances?recursion=1"
    std::map<std::string, std::string> headers = {};
    std::vector<BodyPart> body = {};
    /// Called with the number of bytes sent from descriptors so far.
    std::function<void(int64_t)> on_sent = {};
};

struct HttpResponse {
    int status = 0;
    std::string reason;
    std::map<std::string, std::string> headers; // names in lower case
    int64_t length = -1;                        // of the body; -1: not announced
    std::string body;                           // empty where a sink took it

    const std::string& header(const std::string& lower_case_name) const;
};

/// Takes a part of a response's body.
using Sink = std::function<void(std::string_view)>;
/// Asked when a response's head is there; an empty sink collects the body in the response.
using SinkChooser = std::function<Sink(const HttpResponse&)>;

/// A websocket. Blocking; one thread at a time.
class WebSocket {
public:
    struct State;

    explicit WebSocket(std::unique_ptr<State> state);
    WebSocket(WebSocket&&) noexcept;
    WebSocket& operator=(WebSocket&&) noexcept;
    ~WebSocket();

    /// Reads a whole text message; false once the server has closed.
    bool receive(std::string& message);
    /// Copies the binary messages to `fd` until the server ends the stream (a text message, or closing).
    void receive_to(int fd);
    /// From any thread: makes a blocked receive return as if the server had closed.
    void shut_down() noexcept;
    /// Tells the server that nothing more will come, and waits for nothing. Not while a loop runs that serves it.
    void close() noexcept;

private:
    friend class StreamLoop;
    std::unique_ptr<State> state_;
};

/// Serves descriptors, websockets and signals together on the calling thread: what an interactive session needs. A
/// terminal is only read while this process is in its foreground.
class StreamLoop {
public:
    StreamLoop();
    ~StreamLoop();
    StreamLoop(const StreamLoop&) = delete;
    StreamLoop& operator=(const StreamLoop&) = delete;

    /// Makes what is sent of what was read; an empty text sends nothing.
    using Filter = std::function<std::string(std::string_view)>;
    /// Copies `fd` to the socket; its end is sent as an empty text message. -1 ends at once.
    void send_from(WebSocket& socket, int fd, Filter filter = {});
    /// Copies the socket's messages to `fd` until the server ends the stream; then `ended` is called.
    void receive_to(WebSocket& socket, int fd, std::function<void()> ended);
    /// Queues a text message.
    void send_text(WebSocket& socket, std::string message);
    /// Takes over signals until destruction.
    void on_signals(const std::vector<int>& signals, std::function<void(int)> handler);

    void run();
    /// From any thread: runs a function on the loop's thread. Of several posts the order is kept.
    void post(std::function<void()> function);
    /// From any thread: makes run() return.
    void stop();

private:
    friend class Connection;
    struct State;
    std::unique_ptr<State> state_;
};

class Connection {
public:
    /// Connects when first needed; a failure is worded as LXD's client words it.
    explicit Connection(std::string socket_path);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// Sends a request and reads the answer. One connection is kept open between requests.
    HttpResponse send(const HttpRequest& request, const SinkChooser& choose = {});
    /// As send, but returns false when `interrupt_fd` becomes readable before the answer begins; the connection is
    /// then dropped, and the server goes on with what was asked.
    bool send_unless(int interrupt_fd, const HttpRequest& request, HttpResponse& response);
    /// Asks for another protocol on a connection of its own and returns that connection; the server must not be the
    /// first to speak on it. A refusal throws the error of the server's answer.
    base::Fd upgrade(const std::string& target, const std::string& protocol);
    /// A failure to upgrade throws the error of the server's answer. A socket that a loop is to serve names it here.
    WebSocket open_websocket(const std::string& target, StreamLoop* loop = nullptr);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace client
