#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "daemon/http/beast_stream.h"
#include "daemon/http/upgrade.h"
#include "schema/limits.h"

namespace http {

namespace {

namespace beast = boost::beast;
namespace asio = boost::asio;

constexpr size_t queue_limit = schema::limits::websocket_queue.value;
constexpr size_t piece_size = 64U << 10U; // a longer binary message comes in pieces
constexpr size_t text_limit = schema::limits::websocket_text.value;
constexpr size_t read_size = 32U << 10U;

constexpr auto ping_interval = std::chrono::seconds(30);
/// For the peer's close frame.
constexpr auto close_time = std::chrono::seconds(30);

size_t weight(const WebSocket::Message& message) {
    return message.data.size() + 64; // so that empty messages do not pile up
}

/// The protocol's side, on the io thread, and the two queues between it and the callers. Lives until the socket is
/// closed, whoever else holds it.
class Session : public Endpoint, public std::enable_shared_from_this<Session> {
public:
    Session(std::shared_ptr<Core> core, std::shared_ptr<IoThread> io, std::unique_ptr<Stream> stream, std::string input)
        : core_(std::move(core)), io_(std::move(io)), ws_(std::move(stream), std::move(input)), timer_(io_->context()) {
    }

    using Use = std::function<void(std::shared_ptr<WebSocket>)>;
    void start(const RequestParser& request, const std::string& group, Use use);

    std::optional<WebSocket::Message> receive();
    bool send(WebSocket::Kind kind, std::string_view data);
    bool send_or_drop(WebSocket::Kind kind, std::string_view data, size_t backlog);
    void discard_input();
    void close();
    bool lost() const;
    void on_closed(std::function<void()> callback);

    void drain() override { close(); }
    void abandon() override {}
    void abort() override { terminate(false); }

private:
    using Message = WebSocket::Message;

    void on_accepted(ErrorCode error, const Use& use);
    void read();
    void on_read(ErrorCode error, size_t count);
    bool store(size_t count);
    void deliver(Message message);
    void write();
    void on_written(ErrorCode error);
    void begin_close(beast::websocket::close_code code);
    void ping_later();
    void ping();
    void terminate(bool lost);
    void post(void (Session::*what)());
    void wake_writer();

    std::shared_ptr<Core> core_;
    std::shared_ptr<IoThread> io_;

    // The io thread's.
    beast::websocket::stream<BeastStream> ws_;
    asio::steady_timer timer_;
    beast::http::request<beast::http::empty_body> request_;
    std::string piece_; // of the message being read
    std::string input_;
    bool accepted_ = false;
    bool reading_ = false;
    bool writing_ = false;
    bool pinging_ = false;
    bool close_begun_ = false;

    // Everybody's, under the lock.
    mutable std::mutex mutex_;
    std::condition_variable received_;
    std::condition_variable sent_;
    std::deque<Message> inbox_;
    std::deque<Message> outbox_; // the first is being written
    size_t inbox_bytes_ = 0;
    size_t outbox_bytes_ = 0;
    std::function<void()> on_closed_;
    bool discarding_ = false;
    bool writer_awake_ = false;
    bool closing_ = false; // by us; what is queued is still sent
    bool closed_ = false;
    bool lost_ = false;
};

/// What a handler holds. Letting go of it closes the socket.
class Handle : public WebSocket {
public:
    explicit Handle(std::shared_ptr<Session> session) : session_(std::move(session)) {}
    ~Handle() override { session_->close(); }

    std::optional<Message> receive() override { return session_->receive(); }
    bool send(Kind kind, std::string_view data) override { return session_->send(kind, data); }
    bool send_or_drop(Kind kind, std::string_view data, size_t backlog) override {
        return session_->send_or_drop(kind, data, backlog);
    }
    void discard_input() override { session_->discard_input(); }
    void close() override { session_->close(); }
    bool lost() const override { return session_->lost(); }
    void on_closed(std::function<void()> callback) override { session_->on_closed(std::move(callback)); }

private:
    std::shared_ptr<Session> session_;
};

beast::http::request<beast::http::empty_body> beast_request(const RequestParser& parsed) {
    beast::http::request<beast::http::empty_body> request;
    request.method_string(parsed.method);
    request.target(parsed.target);
    request.version(10 + static_cast<unsigned>(parsed.minor_version()));
    for (const auto& [name, value] : parsed.headers) request.insert(name, value);
    return request;
}

// The io thread's side.

void Session::start(const RequestParser& request, const std::string& group, Use use) {
    if (!core_->add(shared_from_this(), io_, group, false)) return terminate(false);
    request_ = beast_request(request);
    ws_.read_message_max(0); // texts are limited here, binary messages come in pieces
    ws_.auto_fragment(false);
    const auto done = [self = shared_from_this(), use = std::move(use)](ErrorCode error) {
        self->on_accepted(error, use);
    };
    ws_.async_accept(request_, done);
}

void Session::on_accepted(ErrorCode error, const Use& use) {
    if (error) return terminate(true);
    accepted_ = true;
    input_.resize(read_size);
    ping_later();
    read();
    write();
    core_->run([handle = std::make_shared<Handle>(shared_from_this()), use]() mutable {
        use(std::exchange(handle, nullptr));
    });
}

/// Always reading while there is room, so that pings are answered and a peer's end is seen.
void Session::read() {
    {
        const std::scoped_lock lock(mutex_);
        if (closed_ || (inbox_bytes_ >= queue_limit && !discarding_)) return;
    }
    if (reading_ || close_begun_) return;
    reading_ = true;
    ws_.async_read_some(asio::buffer(input_),
                        [self = shared_from_this()](ErrorCode error, size_t count) { self->on_read(error, count); });
}

void Session::on_read(ErrorCode error, size_t count) {
    reading_ = false;
    if (error) {
        if (close_begun_) return; // its own completion ends the session
        return terminate(error != beast::websocket::error::closed);
    }
    if (store(count)) return read();
    close();
    begin_close(beast::websocket::close_code::too_big);
}

/// False when a text is too long.
bool Session::store(size_t count) {
    const auto kind = ws_.got_text() ? WebSocket::Kind::text : WebSocket::Kind::binary;
    piece_.append(input_, 0, count);
    if (kind == WebSocket::Kind::text && piece_.size() > text_limit) return false;
    const bool enough = kind == WebSocket::Kind::binary && piece_.size() >= piece_size;
    if (ws_.is_message_done() || enough) deliver({kind, std::exchange(piece_, {})});
    return true;
}

void Session::deliver(Message message) {
    const std::scoped_lock lock(mutex_);
    if (discarding_ || closing_) return;
    inbox_bytes_ += weight(message);
    inbox_.push_back(std::move(message));
    received_.notify_one();
}

void Session::write() {
    if (!accepted_ || writing_ || close_begun_) return;
    const Message* next = nullptr;
    {
        const std::scoped_lock lock(mutex_);
        if (closed_) return;
        writer_awake_ = !outbox_.empty();
        if (!outbox_.empty())
            next = &outbox_.front(); // stays where it is: only this thread removes it
        else if (!closing_)
            return;
    }
    if (!next) return begin_close(beast::websocket::close_code::normal);
    writing_ = true;
    ws_.text(next->kind == WebSocket::Kind::text);
    ws_.async_write(asio::buffer(next->data),
                    [self = shared_from_this()](ErrorCode error, size_t) { self->on_written(error); });
}

void Session::on_written(ErrorCode error) {
    writing_ = false;
    {
        const std::scoped_lock lock(mutex_);
        if (!outbox_.empty()) {
            outbox_bytes_ -= outbox_.front().data.size();
            outbox_.pop_front();
            sent_.notify_all();
        }
    }
    // A failed read says whether the peer closed properly; without one under way this is all we know.
    if (error) return reading_ ? ws_.next_layer().stream().close() : terminate(true);
    write();
}

void Session::begin_close(beast::websocket::close_code code) {
    if (close_begun_) return;
    close_begun_ = true;
    timer_.expires_after(close_time);
    timer_.async_wait([weak = weak_from_this()](ErrorCode error) {
        const auto self = weak.lock();
        if (self && !error) self->terminate(false);
    });
    ws_.async_close(code, [self = shared_from_this()](ErrorCode) { self->terminate(false); });
}

/// Keeps connections from looking dead to what is between. An answer is not insisted on: a client that does not read
/// because its output is stalled is not gone.
void Session::ping_later() {
    timer_.expires_after(ping_interval);
    timer_.async_wait([weak = weak_from_this()](ErrorCode error) {
        const auto self = weak.lock();
        if (self && !error) self->ping();
    });
}

void Session::ping() {
    if (close_begun_ || !ws_.is_open()) return;
    ping_later();
    if (std::exchange(pinging_, true)) return;
    ws_.async_ping({}, [self = shared_from_this()](ErrorCode) { self->pinging_ = false; });
}

void Session::terminate(bool lost) {
    std::function<void()> callback;
    {
        const std::scoped_lock lock(mutex_);
        if (closed_) return;
        closed_ = true;
        lost_ = lost && !closing_;
        callback = std::exchange(on_closed_, nullptr);
        received_.notify_all();
        sent_.notify_all();
    }
    timer_.cancel();
    ws_.next_layer().stream().close();
    if (callback) core_->run(std::move(callback));
    core_->remove(this);
}

// The callers' side.

void Session::post(void (Session::*what)()) {
    io_->post([self = shared_from_this(), what] { ((*self).*what)(); });
}

/// With the lock held.
void Session::wake_writer() {
    if (std::exchange(writer_awake_, true)) return;
    post(&Session::write);
}

std::optional<WebSocket::Message> Session::receive() {
    std::unique_lock lock(mutex_);
    received_.wait(lock, [&] { return !inbox_.empty() || closed_ || closing_; });
    if (closing_ || inbox_.empty()) return {};
    auto message = std::move(inbox_.front());
    inbox_.pop_front();
    const bool was_full = inbox_bytes_ >= queue_limit;
    inbox_bytes_ -= weight(message);
    if (was_full && inbox_bytes_ < queue_limit) post(&Session::read);
    return message;
}

bool Session::send(WebSocket::Kind kind, std::string_view data) {
    std::unique_lock lock(mutex_);
    sent_.wait(lock,
               [&] { return closed_ || closing_ || outbox_.empty() || outbox_bytes_ + data.size() <= queue_limit; });
    if (closed_ || closing_) return false;
    outbox_.push_back({kind, std::string(data)});
    outbox_bytes_ += data.size();
    wake_writer();
    return true;
}

bool Session::send_or_drop(WebSocket::Kind kind, std::string_view data, size_t backlog) {
    const std::scoped_lock lock(mutex_);
    if (closed_ || closing_) return false;
    if (outbox_bytes_ > backlog) {
        post(&Session::abort);
        return false;
    }
    outbox_.push_back({kind, std::string(data)});
    outbox_bytes_ += data.size();
    wake_writer();
    return true;
}

void Session::discard_input() {
    const std::scoped_lock lock(mutex_);
    discarding_ = true;
    inbox_.clear();
    inbox_bytes_ = 0;
    post(&Session::read);
}

void Session::close() {
    const std::scoped_lock lock(mutex_);
    if (closed_ || closing_) return;
    closing_ = true;
    inbox_.clear();
    inbox_bytes_ = 0;
    received_.notify_all();
    sent_.notify_all();
    wake_writer();
}

bool Session::lost() const {
    const std::scoped_lock lock(mutex_);
    return lost_;
}

void Session::on_closed(std::function<void()> callback) {
    {
        const std::scoped_lock lock(mutex_);
        if (!closed_) {
            on_closed_ = std::move(callback);
            return;
        }
    }
    callback();
}

} // namespace

bool is_websocket_upgrade(const RequestParser& request) {
    return beast::websocket::is_upgrade(beast_request(request));
}

void start_websocket(const std::shared_ptr<Core>& core, const std::shared_ptr<IoThread>& io, const std::string& group,
                     std::unique_ptr<Stream> stream, const RequestParser& request, std::string input,
                     std::function<void(std::shared_ptr<WebSocket>)> use) {
    std::make_shared<Session>(core, io, std::move(stream), std::move(input))->start(request, group, std::move(use));
}

} // namespace http
