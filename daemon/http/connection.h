#pragma once
// One HTTP connection: reads requests one after the other, hands each on, and sends its answer. Made by the server for
// every accepted socket. Everything but the answer's arrival happens on its io thread.

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "daemon/http/body_queue.h"
#include "daemon/http/core.h"
#include "daemon/http/request_parser.h"
#include "daemon/http/response_head.h"
#include "daemon/http/stream.h"

namespace http {

class BodySender;
class FeedSender;

class Connection : public Endpoint, public std::enable_shared_from_this<Connection> {
public:
    Connection(std::shared_ptr<Core> core, std::shared_ptr<IoThread> io, std::unique_ptr<Stream> stream, Peer peer);
    ~Connection() override;

    void start();
    void drain() override;
    void abandon() override;
    void abort() override { close(); }
    void give_way() override;

private:
    enum class State {
        starting,  // TLS handshake
        reading,   // a request's head and its buffered body
        answering, // a handler has it; a streamed body may be under way
        sending,   // the answer
        feeding,   // an answer without an end
        ending,    // nothing more is read, but what comes is thrown away so that the peer can read our last words
        closed,
    };

    void on_handshake(ErrorCode error);
    void begin_request();
    void read();
    void on_read(ErrorCode error, size_t count);
    void on_end_of_input();
    void advance();
    bool parse();
    void on_head();
    void read_body();
    void refuse(ErrorCode error);
    void dispatch();
    std::shared_ptr<BodySource> begin_stream();
    void stream_body();
    void on_body_wanted();
    void send_continue();

    void answer(Response response);
    void send(Response response);
    void send_text(const Response& response, const std::string& body);
    void send_produced(const Response& response, const std::shared_ptr<BodyProducer>& producer);
    void send_feed(const Response& response, const Response::Feed& feed);
    void upgrade(const Response::Upgrade& wanted);
    void upgrade(const Response::Tunnel& wanted);
    void on_sent(ErrorCode error);
    Framing framing() const;
    void end();
    void close();
    void arm(std::chrono::seconds timeout);

    std::shared_ptr<Core> core_;
    std::shared_ptr<IoThread> io_;
    std::unique_ptr<Stream> stream_;
    Peer peer_;
    boost::asio::steady_timer deadline_;
    boost::beast::flat_buffer input_;
    std::unique_ptr<RequestParser> parser_; // of the request that is at work
    std::shared_ptr<BodyQueue> queue_;      // of a streamed body
    std::shared_ptr<BodySender> sender_;
    std::shared_ptr<FeedSender> feed_;
    std::shared_ptr<void> feed_source_;
    std::string out_;                 // being written: the head, and the body where it is short,
    std::string body_;                // or else the body
    std::optional<Response> waiting_; // for the interim response to be written
    State state_ = State::starting;
    bool head_done_ = false;
    bool body_wanted_ = false;
    bool continue_due_ = false;
    bool writing_continue_ = false;
    bool reading_ = false;
    bool input_ended_ = false;
    bool draining_ = false;
    bool keep_alive_ = true;
};

} // namespace http
