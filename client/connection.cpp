#include "client/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "client/version.h"
#include "daemon/base/fd.h"
#include "schema/error.h"
#include "schema/json.h"

namespace client {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Socket = asio::local::stream_protocol::socket;
using ErrorCode = boost::system::error_code;

/// A socket on which writing to a peer that has gone is no error. A websocket answers pings while it reads; the server
/// may send a ping and its last data and close at once, and the answer that fails must not cost us that data.
class PeerSocket : public Socket {
public:
    using Socket::Socket;
    explicit PeerSocket(Socket&& socket) : Socket(std::move(socket)) {}

    /// Was something written that nobody will read?
    bool peer_has_gone() const { return gone_; }

    template <class Buffers> size_t write_some(const Buffers& buffers, ErrorCode& error) {
        const auto count = Socket::write_some(buffers, error);
        return forgiven(error) ? asio::buffer_size(buffers) : count;
    }
    template <class Buffers> size_t write_some(const Buffers& buffers) {
        ErrorCode error;
        const auto count = write_some(buffers, error);
        if (error) throw boost::system::system_error(error);
        return count;
    }
    template <class Buffers, class Token> auto async_write_some(const Buffers& buffers, Token&& token) {
        const auto start = [this](auto handler, const Buffers& data) {
            auto executor = asio::get_associated_executor(handler, get_executor());
            auto finish = [this, handler = std::move(handler), size = asio::buffer_size(data)](ErrorCode error,
                                                                                               size_t count) mutable {
                const bool gone = forgiven(error);
                handler(error, gone ? size : count);
            };
            Socket::async_write_some(data, asio::bind_executor(executor, std::move(finish)));
        };
        return asio::async_initiate<Token, void(ErrorCode, size_t)>(start, token, buffers);
    }

private:
    bool forgiven(ErrorCode& error) {
        if (error != boost::system::errc::broken_pipe && error != boost::system::errc::connection_reset) return false;
        gone_ = true;
        error = {};
        return true;
    }

    bool gone_ = false;
};

void teardown(beast::role_type role, PeerSocket& socket, ErrorCode& error) {
    beast::websocket::teardown(role, static_cast<Socket&>(socket), error);
}
template <class Handler> void async_teardown(beast::role_type role, PeerSocket& socket, Handler&& handler) {
    beast::websocket::async_teardown(role, static_cast<Socket&>(socket), std::forward<Handler>(handler));
}

namespace {

constexpr size_t chunk_size = 128U << 10U;
constexpr std::string_view host = "unix.socket";

std::string lower_case(std::string_view text) {
    std::string lowered(text);
    std::transform(lowered.begin(), lowered.end(), lowered.begin(), [](unsigned char c) { return ::tolower(c); });
    return lowered;
}

/// Go's words for the causes that one meets when dialling a unix socket.
std::string cause_of(const ErrorCode& error) {
    auto text = lower_case(std::strerror(error.value()));
    return text;
}

Socket connected(asio::io_context& context, const std::string& path) {
    Socket socket(context);
    ErrorCode error;
    sockaddr_un address{};
    if (path.size() >= sizeof address.sun_path) {
        throw schema::bad_request("The path of the server's socket is too long: {}", path);
    }
    const auto fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
    socket.assign(asio::local::stream_protocol(), fd);
    if (socket.connect(asio::local::stream_protocol::endpoint(path), error)) {
        throw schema::Error(
            schema::ErrorKind::unavailable,
            fmt::format("Get \"http://{}/1.0\": dial unix {}: connect: {}", host, path, cause_of(error)));
    }
    return socket;
}

bool wait_readable(int fd, int other) {
    std::array<pollfd, 2> fds{{{fd, POLLIN, 0}, {other, POLLIN, 0}}};
    while (::poll(fds.data(), fds.size(), -1) < 0) {
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
    }
    return fds[1].revents == 0;
}

/// The error text of LXD's envelope, or the status line where the body is none.
[[noreturn]] void throw_answer(const std::string& target, int status, std::string_view reason,
                               const std::string& body) {
    std::string text = fmt::format("Failed to fetch http://{}{}: {} {}", host, target, status, reason);
    try {
        const auto answer = schema::Json::parse(body);
        if (answer["error"].is_string()) text = answer["error"].as_string();
    } catch (const schema::Error&) { // Not JSON: the status line says what there is to say.
    }
    throw schema::Error(schema::error_kind(status), text);
}

size_t read_some(int fd, char* buffer, size_t size) {
    for (;;) {
        const auto count = ::read(fd, buffer, size);
        if (count >= 0) return static_cast<size_t>(count);
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "read");
    }
}

} // namespace

const std::string& HttpResponse::header(const std::string& lower_case_name) const {
    static const std::string absent;
    const auto found = headers.find(lower_case_name);
    return found == headers.end() ? absent : found->second;
}

// --- requests ---------------------------------------------------------------------------------------------------

struct Connection::State {
    std::string path;
    asio::io_context context;
    std::unique_ptr<Socket> socket;
    beast::flat_buffer buffer;

    void connect() {
        if (socket) return;
        socket = std::make_unique<Socket>(connected(context, path));
        buffer.clear();
    }
    void drop() { socket.reset(); }

    void write(const HttpRequest& request);
    void write_body(http::request_serializer<http::buffer_body>& serializer, http::request<http::buffer_body>& message,
                    const HttpRequest& request);
    HttpResponse read(const HttpRequest& request, const SinkChooser& choose);
};

void Connection::State::write(const HttpRequest& request) {
    http::request<http::buffer_body> message;
    message.version(11);
    message.method_string(request.method);
    message.target(request.target);
    message.set(http::field::host, std::string(host));
    message.set(http::field::user_agent, std::string(user_agent));
    for (const auto& [name, value] : request.headers) message.set(name, value);

    int64_t length = 0;
    for (const auto& part : request.body) {
        if (length < 0) break;
        if (part.fd >= 0 && part.size < 0) {
            length = -1;
        } else {
            length += static_cast<int64_t>(part.text.size()) + (part.fd >= 0 ? part.size : 0);
        }
    }
    if (length < 0) {
        message.chunked(true);
    } else if (length > 0 || (request.method != "GET" && request.method != "DELETE")) {
        message.content_length(static_cast<uint64_t>(length));
    }
    message.body().data = nullptr;
    message.body().more = length != 0;

    http::request_serializer<http::buffer_body> serializer(message);
    if (length == 0) {
        http::write(*socket, serializer);
        return;
    }
    http::write_header(*socket, serializer);
    write_body(serializer, message, request);
}

void Connection::State::write_body(http::request_serializer<http::buffer_body>& serializer,
                                   http::request<http::buffer_body>& message, const HttpRequest& request) {
    const auto send = [&](char* data, size_t size, bool more) {
        message.body().data = data;
        message.body().size = size;
        message.body().more = more;
        ErrorCode error;
        http::write(*socket, serializer, error);
        if (error && error != http::error::need_buffer) throw boost::system::system_error(error);
    };
    std::vector<char> piece(chunk_size);
    int64_t sent = 0;
    for (const auto& part : request.body) {
        if (!part.text.empty()) {
            auto text = part.text;
            send(text.data(), text.size(), true);
        }
        for (int64_t left = part.size; part.fd >= 0 && left != 0;) {
            const auto wanted = left < 0 ? piece.size() : std::min(piece.size(), static_cast<size_t>(left));
            const auto count = read_some(part.fd, piece.data(), wanted);
            if (count == 0 && left > 0) throw schema::failure("A file became shorter while it was sent");
            if (count == 0) break;
            send(piece.data(), count, true);
            if (left > 0) left -= static_cast<int64_t>(count);
            sent += static_cast<int64_t>(count);
            if (request.on_sent) request.on_sent(sent);
        }
    }
    send(nullptr, 0, false);
}

HttpResponse Connection::State::read(const HttpRequest& request, const SinkChooser& choose) {
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(std::numeric_limits<uint64_t>::max());
    parser.skip(request.method == "HEAD");
    http::read_header(*socket, buffer, parser);

    const auto& message = parser.get();
    HttpResponse response;
    response.status = static_cast<int>(message.result_int());
    response.reason = std::string(message.reason());
    for (const auto& field : message) {
        response.headers[lower_case(std::string(field.name_string()))] = std::string(field.value());
    }
    if (const auto length = parser.content_length()) response.length = static_cast<int64_t>(*length);
    const Sink sink = choose ? choose(response) : Sink{};

    std::vector<char> piece(chunk_size);
    while (!parser.is_done()) {
        auto& body = parser.get().body();
        body.data = piece.data();
        body.size = piece.size();
        ErrorCode error;
        http::read(*socket, buffer, parser, error);
        if (error && error != http::error::need_buffer) throw boost::system::system_error(error);
        const std::string_view got(piece.data(), piece.size() - body.size);
        if (sink) {
            sink(got);
        } else {
            response.body += got;
        }
    }
    if (!message.keep_alive()) drop();
    return response;
}

Connection::Connection(std::string socket_path) : state_(std::make_unique<State>()) {
    state_->path = std::move(socket_path);
}
Connection::~Connection() = default;

HttpResponse Connection::send(const HttpRequest& request, const SinkChooser& choose) {
    state_->connect();
    try {
        try {
            state_->write(request);
        } catch (const boost::system::system_error&) {
            // A server that refuses a body answers and closes while we still write; its answer is what counts.
            if (request.body.empty()) throw;
        }
        return state_->read(request, choose);
    } catch (const boost::system::system_error& error) {
        state_->drop();
        throw schema::Error(schema::ErrorKind::unavailable,
                            fmt::format("{} \"http://{}{}\": {}", request.method, host, request.target,
                                        error.code() == http::error::end_of_stream ? "EOF" : error.code().message()));
    } catch (...) {
        state_->drop(); // The exchange is unfinished: the connection cannot be used again.
        throw;
    }
}

bool Connection::send_unless(int interrupt_fd, const HttpRequest& request, HttpResponse& response) {
    state_->connect();
    try {
        state_->write(request);
        if (state_->buffer.size() == 0 && !wait_readable(state_->socket->native_handle(), interrupt_fd)) {
            state_->drop();
            return false;
        }
        response = state_->read(request, {});
        return true;
    } catch (const boost::system::system_error& error) {
        state_->drop();
        throw schema::Error(schema::ErrorKind::unavailable,
                            fmt::format("{} \"http://{}{}\": {}", request.method, host, request.target,
                                        error.code() == http::error::end_of_stream ? "EOF" : error.code().message()));
    }
}

base::Fd Connection::upgrade(const std::string& target, const std::string& protocol) {
    State fresh;
    fresh.path = state_->path;
    fresh.connect();
    HttpRequest request{.target = target};
    request.headers["Connection"] = "Upgrade";
    request.headers["Upgrade"] = protocol;
    try {
        fresh.write(request);
        const auto response = fresh.read(request, {});
        constexpr int switching_protocols = 101;
        if (response.status != switching_protocols) {
            throw_answer(target, response.status, response.reason, response.body);
        }
    } catch (const boost::system::system_error& error) {
        throw schema::failure("Failed asking for {} on {}: {}", protocol, target, error.code().message());
    }
    return base::checked(::fcntl(fresh.socket->native_handle(), F_DUPFD_CLOEXEC, 0), "dup");
}

// --- websockets -------------------------------------------------------------------------------------------------

struct WebSocket::State {
    explicit State(Socket socket) : stream(PeerSocket(std::move(socket))) {}

    beast::websocket::stream<PeerSocket> stream;
    // Used by StreamLoop.
    std::deque<std::string> texts;
    bool writing = false;
    std::vector<char> incoming;
};

WebSocket::WebSocket(std::unique_ptr<State> state) : state_(std::move(state)) {}
WebSocket::WebSocket(WebSocket&&) noexcept = default;
WebSocket& WebSocket::operator=(WebSocket&&) noexcept = default;
WebSocket::~WebSocket() = default;

bool WebSocket::receive(std::string& message) {
    beast::flat_buffer buffer;
    ErrorCode error;
    state_->stream.read(buffer, error);
    if (error) return false;
    message.assign(static_cast<const char*>(buffer.data().data()), buffer.size());
    return true;
}

void WebSocket::receive_to(int fd) {
    std::vector<char> piece(chunk_size);
    for (;;) {
        ErrorCode error;
        const auto count = state_->stream.read_some(asio::buffer(piece), error);
        if (error || !state_->stream.got_binary()) return;
        base::write_all(fd, {piece.data(), count});
    }
}

void WebSocket::shut_down() noexcept {
    ::shutdown(state_->stream.next_layer().native_handle(), SHUT_RDWR);
}

void WebSocket::close() noexcept {
    ErrorCode ignored;
    // Closing with Beast would wait for the other side's answer; a frame of our own says the same. Masked, as a
    // client's frames are, with zeros: status 1000.
    constexpr std::array<unsigned char, 8> frame{0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8};
    asio::write(static_cast<Socket&>(state_->stream.next_layer()), asio::buffer(frame), ignored);
    shut_down();
}

// --- the loop of a session --------------------------------------------------------------------------------------

namespace {

bool epoll_refuses(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return true;
    if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) return true;
    // Some devices (/dev/null, /dev/zero) have no readiness either; terminals do.
    return S_ISCHR(status.st_mode) && ::isatty(fd) == 0;
}

bool in_background(int fd) {
    if (::isatty(fd) == 0) return false;
    const auto foreground = ::tcgetpgrp(fd);
    return foreground >= 0 && foreground != ::getpgrp();
}

} // namespace

struct StreamLoop::State {
    asio::io_context context;
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    std::unique_ptr<asio::signal_set> signals;
    std::function<void(int)> signal_handler;

    /// A descriptor being copied to a websocket.
    struct Input {
        explicit Input(asio::io_context& context) : descriptor(context) {}
        ~Input() {
            if (descriptor.is_open()) descriptor.release(); // It is ours to use, not to close.
        }
        WebSocket::State* socket = nullptr;
        int fd = -1;
        Filter filter;
        bool always_ready = false;
        bool parked = false; // a terminal that is someone else's at the moment
        std::vector<char> piece = std::vector<char>(64U << 10U);
        asio::posix::stream_descriptor descriptor;
    };
    std::vector<std::unique_ptr<Input>> inputs;

    void await_input(Input& input);
    void forward(Input& input);
    void flush_texts(WebSocket::State& socket);
    void receive(WebSocket::State& socket, int fd, std::function<void()> ended);
    void await_signal();
};

WebSocket Connection::open_websocket(const std::string& target, StreamLoop* loop) {
    auto& context = loop == nullptr ? state_->context : loop->state_->context;
    auto socket = std::make_unique<WebSocket::State>(connected(context, state_->path));
    auto& stream = socket->stream;
    stream.read_message_max(0);
    stream.auto_fragment(false);
    stream.write_buffer_bytes(chunk_size);
    stream.set_option(beast::websocket::stream_base::decorator([](beast::websocket::request_type& request) {
        request.set(http::field::user_agent, std::string(user_agent));
    }));
    ErrorCode error;
    stream.handshake(std::string(host), target, error);
    if (error == beast::websocket::error::upgrade_declined) {
        // Beast keeps the refusal to itself; asked without an upgrade the server says the same.
        const auto refusal = send({.target = target});
        throw_answer(target, refusal.status, refusal.reason, refusal.body);
    }
    if (error) throw schema::failure("Failed opening the websocket {}: {}", target, error.message());
    return WebSocket(std::move(socket));
}

StreamLoop::StreamLoop() : state_(std::make_unique<State>()) {}
StreamLoop::~StreamLoop() = default;

void StreamLoop::State::await_input(Input& input) {
    if (input.always_ready) {
        asio::post(context, [this, &input] { forward(input); });
        return;
    }
    input.descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [this, &input](const ErrorCode& error) {
        if (!error) forward(input);
    });
}

void StreamLoop::State::forward(Input& input) {
    if (in_background(input.fd)) {
        input.parked = true; // Reading now would stop this process; SIGCONT comes when we are back in front.
        return;
    }
    size_t count = 0;
    try {
        count = read_some(input.fd, input.piece.data(), input.piece.size());
    } catch (const std::system_error&) { // A terminal that hung up reads as its end.
    }
    if (count == 0) {
        input.socket->texts.emplace_back();
        if (!input.socket->writing) flush_texts(*input.socket);
        return;
    }
    if (input.filter) {
        const auto passed = input.filter({input.piece.data(), count});
        if (passed.empty()) return await_input(input);
        count = std::min(passed.size(), input.piece.size());
        std::copy_n(passed.data(), count, input.piece.data());
    }
    input.socket->writing = true;
    input.socket->stream.binary(true);
    input.socket->stream.async_write(asio::buffer(input.piece.data(), count),
                                     [this, &input](const ErrorCode& error, size_t) {
                                         input.socket->writing = false;
                                         if (error || input.socket->stream.next_layer().peer_has_gone()) return;
                                         if (!input.socket->texts.empty()) flush_texts(*input.socket);
                                         await_input(input);
                                     });
}

void StreamLoop::State::flush_texts(WebSocket::State& socket) {
    socket.writing = true;
    socket.stream.text(true);
    socket.stream.async_write(asio::buffer(socket.texts.front()), [this, &socket](const ErrorCode& error, size_t) {
        socket.writing = false;
        socket.texts.pop_front();
        if (!error && !socket.texts.empty()) flush_texts(socket);
    });
}

void StreamLoop::State::receive(WebSocket::State& socket, int fd, std::function<void()> ended) {
    socket.incoming.resize(64U << 10U);
    socket.stream.async_read_some(asio::buffer(socket.incoming), [this, &socket, fd, ended = std::move(ended)](
                                                                     const ErrorCode& error, size_t count) mutable {
        try {
            if (!error && socket.stream.got_binary()) {
                base::write_all(fd, {socket.incoming.data(), count});
                receive(socket, fd, std::move(ended));
                return;
            }
        } catch (const std::system_error&) { // Nobody reads our output any more.
        }
        ended();
    });
}

void StreamLoop::State::await_signal() {
    signals->async_wait([this](const ErrorCode& error, int signal) {
        if (error) return;
        if (signal == SIGCONT) {
            for (auto& input : inputs) {
                if (std::exchange(input->parked, false)) await_input(*input);
            }
        }
        signal_handler(signal);
        await_signal();
    });
}

void StreamLoop::send_from(WebSocket& socket, int fd, Filter filter) {
    if (fd < 0) return send_text(socket, "");
    auto input = std::make_unique<State::Input>(state_->context);
    input->filter = std::move(filter);
    input->socket = socket.state_.get();
    input->fd = fd;
    input->always_ready = epoll_refuses(fd);
    if (!input->always_ready) input->descriptor.assign(fd);
    state_->inputs.push_back(std::move(input));
    state_->await_input(*state_->inputs.back());
}

void StreamLoop::receive_to(WebSocket& socket, int fd, std::function<void()> ended) {
    state_->receive(*socket.state_, fd, std::move(ended));
}

void StreamLoop::send_text(WebSocket& socket, std::string message) {
    socket.state_->texts.push_back(std::move(message));
    if (!socket.state_->writing) state_->flush_texts(*socket.state_);
}

void StreamLoop::on_signals(const std::vector<int>& signals, std::function<void(int)> handler) {
    state_->signal_handler = std::move(handler);
    state_->signals = std::make_unique<asio::signal_set>(state_->context);
    for (const int signal : signals) state_->signals->add(signal);
    state_->await_signal();
}

void StreamLoop::run() {
    state_->context.run();
}

void StreamLoop::post(std::function<void()> function) {
    asio::post(state_->context, std::move(function));
}

void StreamLoop::stop() {
    state_->context.stop();
}

} // namespace client
