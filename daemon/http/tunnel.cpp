#include "daemon/http/tunnel.h"

#include <fcntl.h>
#include <tuple>
#include <utility>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace http {

namespace {

namespace asio = boost::asio;

constexpr size_t piece = 64U << 10U;

/// Each direction reads a piece, writes it, and reads the next: neither side is ever read faster than the other takes.
class Relay : public Endpoint, public std::enable_shared_from_this<Relay> {
public:
    Relay(std::shared_ptr<Core> core, const std::shared_ptr<IoThread>& io, std::unique_ptr<Stream> stream,
          std::string input, const Response::Tunnel& wanted)
        : core_(std::move(core)), stream_(std::move(stream)), inside_(io->context()), keep_(wanted.keep),
          outward_(head_of(wanted)), inward_(std::move(input)) {
        ErrorCode error;
        std::ignore =
            inside_.assign(asio::local::stream_protocol(), ::fcntl(wanted.socket->get(), F_DUPFD_CLOEXEC, 3), error);
        if (!error) std::ignore = inside_.non_blocking(true, error);
    }

    void start(const std::shared_ptr<IoThread>& io, const std::string& group) {
        if (!core_->add(shared_from_this(), io, group, false)) return end();
        write_outward();
        if (inward_.empty())
            read_inward();
        else
            write_inward();
    }
    void drain() override { end(); }
    void abandon() override {}
    void abort() override { end(); }

private:
    static std::string head_of(const Response::Tunnel& wanted) {
        return fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: {}\r\nConnection: Upgrade\r\n\r\n",
                           wanted.protocol);
    }

    void read_outward() {
        outward_.resize(piece);
        inside_.async_read_some(asio::buffer(outward_), [self = shared_from_this()](ErrorCode error, size_t count) {
            if (error) return self->say_goodbye();
            self->outward_.resize(count);
            self->write_outward();
        });
    }
    void write_outward() {
        stream_->write(Buffers(asio::buffer(outward_)), [self = shared_from_this()](ErrorCode error, size_t) {
            error ? self->end() : self->read_outward();
        });
    }
    void read_inward() {
        inward_.resize(piece);
        stream_->read_some(asio::buffer(inward_), [self = shared_from_this()](ErrorCode error, size_t count) {
            if (error) return self->end_input();
            self->inward_.resize(count);
            self->write_inward();
        });
    }
    void write_inward() {
        asio::async_write(inside_, asio::buffer(inward_), [self = shared_from_this()](ErrorCode error, size_t) {
            if (!error) self->read_inward(); // else the other direction sees the end
        });
    }
    /// The client sends no more; what it has sent is still answered.
    void end_input() {
        ErrorCode ignored;
        std::ignore = inside_.shutdown(asio::socket_base::shutdown_send, ignored);
        if (stream_->hung_up()) end();
    }
    void say_goodbye() {
        stream_->shutdown([self = shared_from_this()](ErrorCode) { self->end(); });
    }
    void end() {
        if (std::exchange(ended_, true)) return;
        ErrorCode ignored;
        std::ignore = inside_.close(ignored);
        stream_->close();
        core_->run([keep = std::exchange(keep_, nullptr)]() mutable { keep = nullptr; }); // which may block
        core_->remove(this);
    }

    std::shared_ptr<Core> core_;
    std::unique_ptr<Stream> stream_;
    asio::local::stream_protocol::socket inside_;
    std::shared_ptr<void> keep_;
    std::string outward_;
    std::string inward_;
    bool ended_ = false;
};

} // namespace

void start_tunnel(const std::shared_ptr<Core>& core, const std::shared_ptr<IoThread>& io, const std::string& group,
                  std::unique_ptr<Stream> stream, std::string input, const Response::Tunnel& wanted) {
    std::make_shared<Relay>(core, io, std::move(stream), std::move(input), wanted)->start(io, group);
}

} // namespace http
