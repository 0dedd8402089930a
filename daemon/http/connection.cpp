#include "daemon/http/connection.h"

#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/error.hpp>

#include "daemon/http/body_sender.h"
#include "daemon/http/error_reply.h"
#include "daemon/http/feed_sender.h"
#include "daemon/http/tunnel.h"
#include "daemon/http/upgrade.h"
#include "schema/error.h"

namespace http {

namespace {

constexpr size_t read_size = 64U << 10U;
/// Up to this size a body is sent in one piece with its head.
constexpr size_t small_body = 16U << 10U;

constexpr auto handshake_time = std::chrono::seconds(15);
constexpr auto idle_time = std::chrono::seconds(180);
constexpr auto ending_time = std::chrono::seconds(2);

constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace

Connection::Connection(std::shared_ptr<Core> core, std::shared_ptr<IoThread> io, std::unique_ptr<Stream> stream,
                       Peer peer)
    : core_(std::move(core)), io_(std::move(io)), stream_(std::move(stream)), peer_(std::move(peer)),
      deadline_(io_->context()) {}

Connection::~Connection() = default;

void Connection::start() {
    if (!core_->add(shared_from_this(), io_, peer_.group, true)) return close();
    if (peer_.kind == Peer::Kind::tls) arm(handshake_time);
    stream_->handshake([self = shared_from_this()](ErrorCode error) { self->on_handshake(error); });
}

void Connection::on_handshake(ErrorCode error) {
    if (state_ == State::closed) return;
    if (error) return close();
    peer_.certificate_der = stream_->peer_certificate();
    begin_request();
}

void Connection::begin_request() {
    parser_ = std::make_unique<RequestParser>(core_->options.max_header_bytes);
    queue_ = nullptr;
    head_done_ = body_wanted_ = continue_due_ = false;
    if (state_ != State::starting) core_->end_work(this);
    state_ = State::reading;
    // Strangers must not hold connections for nothing; who reaches the unix socket may.
    if (peer_.kind == Peer::Kind::tls) arm(idle_time);
    if (reading_) return; // the read that watched for the peer's end brings the next request
    input_.size() > 0 ? advance() : read();
}

/// What is read is parsed before the next read, so that the buffer does not move under it.
void Connection::read() {
    if (reading_) return;
    if (input_ended_) {
        if (state_ == State::reading) close(); // no request can follow
        return;
    }
    reading_ = true;
    const auto buffer = input_.prepare(read_size);
    stream_->read_some(buffer,
                       [self = shared_from_this()](ErrorCode error, size_t count) { self->on_read(error, count); });
}

void Connection::on_read(ErrorCode error, size_t count) {
    reading_ = false;
    if (state_ == State::closed) return;
    if (error) return on_end_of_input();
    input_.commit(count);
    if (state_ == State::reading) return advance();
    if (state_ == State::ending || state_ == State::feeding) {
        input_.clear();
        return read();
    }
    if (queue_) read_body();
}

/// Who sends a request and then closes for writing still gets the answer. Where that looks no different from a peer
/// that is gone (TLS), it is gone.
void Connection::on_end_of_input() {
    input_ended_ = true;
    if (queue_ && !parser_->is_done()) queue_->fail();
    const bool awaits_answer = state_ == State::answering || state_ == State::sending || state_ == State::feeding;
    if (!awaits_answer || stream_->hung_up()) return close();
    stream_->wait_hang_up([self = shared_from_this()](ErrorCode) { self->close(); });
}

void Connection::advance() {
    if (!parse()) return;
    if (!parser_->is_header_done()) return read();
    if (!head_done_) on_head();
    if (state_ != State::reading) return;
    const auto length = parser_->content_length();
    const auto most = core_->options.max_buffered_body;
    const bool large = (length && *length > most) || parser_->body.size() > most;
    if (parser_->is_done() || large) return dispatch();
    if (continue_due_) send_continue();
    read();
}

/// False when the input is no HTTP, which has been dealt with.
bool Connection::parse() {
    while (input_.size() > 0 && !parser_->is_done()) {
        ErrorCode error;
        const auto used = parser_->put(input_.data(), error);
        input_.consume(used);
        if (error == boost::beast::http::error::need_more) break;
        if (error) {
            refuse(error);
            return false;
        }
        if (used == 0) break;
    }
    return true;
}

void Connection::on_head() {
    head_done_ = true;
    deadline_.cancel();
    keep_alive_ = parser_->keep_alive();
    if (parser_->expects_continue()) {
        continue_due_ = !parser_->is_done() && parser_->body.empty();
    } else if (parser_->headers.contains("Expect")) {
        send(error_reply(417, "Unknown expectation"));
    }
}

void Connection::refuse(ErrorCode error) {
    input_ended_ = true;
    if (state_ == State::answering) { // within a streamed body: its reader learns it, and answers
        queue_->fail();
        return;
    }
    if (error == boost::beast::http::error::header_limit)
        return send(error_reply(431, "Request headers are too large"));
    send(error_reply(400, "Malformed request: " + error.message()));
}

void Connection::dispatch() {
    state_ = State::answering;
    core_->begin_work(this);
    Exchange exchange;
    exchange.method = parser_->method;
    exchange.target = parser_->target;
    exchange.headers = parser_->headers;
    exchange.peer = peer_;
    exchange.answer = [self = shared_from_this()](Response response) {
        self->io_->post([self, response = std::move(response)]() mutable { self->answer(std::move(response)); });
    };
    if (parser_->is_done())
        exchange.body = std::move(parser_->body);
    else
        exchange.stream = begin_stream();
    try {
        core_->submit(std::move(exchange));
    } catch (const schema::Error& error) {
        return send(error_reply(schema::http_status(error.kind()), error.what()));
    }
    if (queue_) return stream_body();
    // Watches for the peer's end, unless a websocket is to take the reading over.
    if (input_.size() == 0 && !parser_->headers.contains("Upgrade")) read();
}

std::shared_ptr<BodySource> Connection::begin_stream() {
    queue_ = std::make_shared<BodyQueue>([weak = weak_from_this(), io = io_] {
        io->post([weak] {
            if (const auto self = weak.lock()) self->on_body_wanted();
        });
    });
    if (!parser_->body.empty()) queue_->push(std::exchange(parser_->body, {}));
    body_wanted_ = !continue_due_;
    return queue_;
}

void Connection::on_body_wanted() {
    if (state_ != State::answering) return;
    body_wanted_ = true;
    if (continue_due_) send_continue();
    stream_body();
}

void Connection::stream_body() {
    if (body_wanted_ && !parser_->is_done() && queue_->has_room()) read();
}

void Connection::read_body() {
    if (!parse()) return;
    if (!parser_->body.empty()) queue_->push(std::exchange(parser_->body, {}));
    if (!parser_->is_done()) return stream_body();
    queue_->finish();
    if (input_.size() == 0) read();
}

void Connection::send_continue() {
    continue_due_ = false;
    writing_continue_ = true;
    const Buffers text(boost::asio::buffer(interim));
    stream_->write(text, [self = shared_from_this()](ErrorCode error, size_t) {
        self->writing_continue_ = false;
        if (self->state_ == State::closed) return;
        if (error) return self->close();
        if (self->waiting_) self->answer(*std::exchange(self->waiting_, {}));
    });
}

void Connection::answer(Response response) {
    if (state_ != State::answering) return;
    if (writing_continue_)
        waiting_ = std::move(response);
    else
        send(std::move(response));
}

void Connection::send(Response response) {
    state_ = State::sending;
    // An unread body would be taken for the next request.
    if (!parser_->is_done() || draining_ || input_ended_) keep_alive_ = false;
    if (queue_) queue_->fail();
    if (const auto* text = std::get_if<std::string>(&response.body)) return send_text(response, *text);
    if (const auto* producer = std::get_if<std::shared_ptr<BodyProducer>>(&response.body))
        return send_produced(response, *producer);
    if (const auto* feed = std::get_if<Response::Feed>(&response.body)) return send_feed(response, *feed);
    if (const auto* wanted = std::get_if<Response::Upgrade>(&response.body)) return upgrade(*wanted);
    if (const auto* wanted = std::get_if<Response::Tunnel>(&response.body)) return upgrade(*wanted);
    send(error_reply(500, "An answer was put off twice"));
}

Framing Connection::framing() const {
    Framing framing;
    framing.minor_version = parser_->minor_version();
    framing.keep_alive = keep_alive_;
    return framing;
}

void Connection::send_text(const Response& response, const std::string& body) {
    auto form = framing();
    const bool has_body = may_have_body(response.status);
    if (has_body) form.length = body.size();
    out_ = response_head(response.status, response.headers, form);
    body_.clear();
    if (has_body && parser_->method != "HEAD") (body.size() <= small_body ? out_ : body_) += body;
    Buffers buffers;
    buffers.add(boost::asio::buffer(out_));
    buffers.add(boost::asio::buffer(body_));
    stream_->write(buffers, [self = shared_from_this()](ErrorCode error, size_t) { self->on_sent(error); });
}

void Connection::send_produced(const Response& response, const std::shared_ptr<BodyProducer>& producer) {
    auto form = framing();
    if (!may_have_body(response.status)) return send_text(response, {});
    form.length = producer->length();
    form.chunked = !form.length && form.minor_version > 0;
    if (!form.length && !form.chunked) form.keep_alive = keep_alive_ = false;
    auto head = response_head(response.status, response.headers, form);
    if (parser_->method == "HEAD") {
        out_ = std::move(head);
        return stream_->write(Buffers(boost::asio::buffer(out_)),
                              [self = shared_from_this()](ErrorCode error, size_t) { self->on_sent(error); });
    }
    sender_ = std::make_shared<BodySender>(core_, io_, *stream_, producer);
    sender_->start(std::move(head), form, [self = shared_from_this()](ErrorCode error) { self->on_sent(error); });
}

/// Reads on, so that the peer's end is seen.
void Connection::send_feed(const Response& response, const Response::Feed& feed) {
    auto form = framing();
    form.keep_alive = keep_alive_ = false;
    if (parser_->method == "HEAD") return send_text(response, {});
    state_ = State::feeding;
    feed_ = std::make_shared<FeedSender>(io_, *stream_, feed.backlog);
    feed_->start(response_head(response.status, response.headers, form),
                 [self = shared_from_this()](ErrorCode) { self->close(); });
    feed_source_ = feed.start([sender = feed_](std::string_view text) { return sender->send(text); });
    input_.clear();
    read();
}

void Connection::upgrade(const Response::Upgrade& wanted) {
    const bool possible = parser_->is_done() && !reading_ && !draining_ && is_websocket_upgrade(*parser_);
    if (!possible) return send(error_reply(400, "The request is not a websocket upgrade"));
    core_->remove(this); // the websocket takes this one's place
    start_websocket(core_, io_, peer_.group, std::move(stream_), *parser_,
                    boost::beast::buffers_to_string(input_.data()), wanted.websocket);
    close();
}

void Connection::upgrade(const Response::Tunnel& wanted) {
    const bool possible = parser_->is_done() && !reading_ && !draining_;
    if (!possible) return send(error_reply(400, "The connection cannot be taken over"));
    core_->remove(this); // the tunnel takes this one's place
    start_tunnel(core_, io_, peer_.group, std::move(stream_), boost::beast::buffers_to_string(input_.data()), wanted);
    close();
}

void Connection::on_sent(ErrorCode error) {
    sender_ = nullptr;
    if (state_ == State::closed) return;
    if (error) return close();
    if (keep_alive_)
        begin_request();
    else
        end();
}

/// Closing a socket with unread input resets it, and the peer may lose our answer.
void Connection::end() {
    const bool unread = !parser_->is_done() || input_.size() > 0;
    if (!unread && peer_.kind == Peer::Kind::unix_socket) return close();
    state_ = State::ending;
    arm(ending_time);
    stream_->shutdown([self = shared_from_this(), unread](ErrorCode) {
        if (!unread) self->close();
    });
    input_ended_ = false;
    if (reading_) return;
    input_.clear();
    read();
}

void Connection::drain() {
    draining_ = true;
    state_ == State::feeding ? close() : give_way();
}

void Connection::give_way() {
    if (state_ == State::starting || state_ == State::reading) close();
}

void Connection::abandon() {
    if (state_ == State::answering) close();
}

void Connection::close() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    deadline_.cancel();
    if (stream_) stream_->close();
    if (queue_) queue_->fail();
    if (sender_) sender_->cancel();
    if (feed_) feed_->cancel();
    if (feed_source_) core_->run([source = std::exchange(feed_source_, nullptr)]() mutable { source = nullptr; });
    waiting_.reset();
    core_->remove(this);
}

void Connection::arm(std::chrono::seconds timeout) {
    deadline_.expires_after(timeout);
    deadline_.async_wait([weak = weak_from_this()](ErrorCode error) {
        const auto self = weak.lock();
        if (self && !error && self->deadline_.expiry() <= std::chrono::steady_clock::now()) self->close();
    });
}

} // namespace http
