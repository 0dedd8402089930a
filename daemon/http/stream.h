#pragma once
// A connected byte stream, whatever lies beneath (unix socket or TLS): one type for the connection and the websocket,
// so that Beast's templates are compiled once. All calls and callbacks happen on the thread of its io_context; a
// callback never comes from within the call. One read and one write at a time.

#include <array>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include "daemon/base/fd.h"

struct ssl_ctx_st;

namespace http {

using ErrorCode = boost::system::error_code;

/// A few buffers that are written together.
class Buffers {
public:
    using value_type = boost::asio::const_buffer;
    using const_iterator = const value_type*;

    Buffers() = default;
    template <class Sequence> explicit Buffers(const Sequence& sequence) {
        const auto last = boost::asio::buffer_sequence_end(sequence);
        for (auto part = boost::asio::buffer_sequence_begin(sequence); part != last; ++part) add(*part);
    }
    /// Past the eighth buffer, or after nothing, it does nothing: callers look at what was written.
    void add(value_type part) {
        if (part.size() > 0 && count_ < parts_.size()) parts_[count_++] = part;
    }
    const_iterator begin() const { return parts_.data(); }
    const_iterator end() const { return parts_.data() + count_; }

private:
    std::array<value_type, 8> parts_;
    size_t count_ = 0;
};

class Stream {
public:
    using Done = std::function<void(ErrorCode)>;
    using Moved = std::function<void(ErrorCode, size_t)>;

    virtual ~Stream() = default;
    /// Before anything else. `done` once bytes can flow.
    virtual void handshake(Done done) = 0;
    virtual void read_some(boost::asio::mutable_buffer buffer, Moved moved) = 0;
    /// Writes all of it.
    virtual void write(const Buffers& buffers, Moved moved) = 0;
    /// Tells the peer that nothing more will be written, within a second or two.
    virtual void shutdown(Done done) = 0;
    /// Ends every pending call with an error.
    virtual void close() noexcept = 0;
    /// Whether the peer closed both directions. Only a unix socket can tell.
    virtual bool hung_up() const noexcept { return true; }
    /// Calls back when the peer has closed both directions.
    virtual void wait_hang_up(Done done) = 0;
    /// In DER; empty where there is none.
    virtual std::string peer_certificate() const { return {}; }
    virtual boost::asio::io_context& context() noexcept = 0;
};

/// `socket` is connected and non-blocking.
std::unique_ptr<Stream> unix_stream(boost::asio::io_context& context, base::Fd socket);
/// The server's side of TLS on a connected TCP socket.
std::unique_ptr<Stream> tls_stream(boost::asio::io_context& context, base::Fd socket,
                                   std::shared_ptr<ssl_ctx_st> settings);

} // namespace http
