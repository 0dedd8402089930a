#include "daemon/http/stream.h"

#include <chrono>

#include <netinet/tcp.h>
#include <poll.h>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace http {

namespace {

namespace asio = boost::asio;

using Protocol = asio::generic::stream_protocol;
using Socket = asio::basic_stream_socket<Protocol, asio::io_context::executor_type>;

/// How long the peer may take to answer the end of a TLS connection.
constexpr auto shutdown_time = std::chrono::seconds(2);

void assign(Socket& socket, int family, base::Fd fd) {
    socket.assign(Protocol(family, 0), fd.get());
    static_cast<void>(fd.release());
    socket.non_blocking(true);
}

void close_socket(Socket& socket) noexcept {
    ErrorCode ignored;
    socket.close(ignored);
}

class UnixStream : public Stream {
public:
    UnixStream(asio::io_context& io, base::Fd fd) : context_(io), socket_(io) {
        assign(socket_, AF_UNIX, std::move(fd));
    }

    void handshake(Done done) override {
        asio::post(context_, [done = std::move(done)] { done({}); });
    }
    void read_some(asio::mutable_buffer buffer, Moved moved) override {
        socket_.async_read_some(buffer, std::move(moved));
    }
    void write(const Buffers& buffers, Moved moved) override { asio::async_write(socket_, buffers, std::move(moved)); }
    void shutdown(Done done) override {
        ErrorCode error;
        socket_.shutdown(Socket::shutdown_send, error);
        asio::post(context_, [done = std::move(done), error] { done(error); });
    }
    void close() noexcept override { close_socket(socket_); }
    bool hung_up() const noexcept override {
        pollfd state{const_cast<Socket&>(socket_).native_handle(), 0, 0};
        return ::poll(&state, 1, 0) != 0;
    }
    void wait_hang_up(Done done) override { socket_.async_wait(Socket::wait_error, std::move(done)); }
    asio::io_context& context() noexcept override { return context_; }

private:
    asio::io_context& context_;
    Socket socket_;
};

using SslContext = std::shared_ptr<ssl_ctx_st>;

/// asio's context frees the SSL_CTX, so it gets a reference of its own.
SSL_CTX* referenced(const SslContext& settings) {
    SSL_CTX_up_ref(settings.get());
    return settings.get();
}

class TlsStream : public Stream {
public:
    TlsStream(asio::io_context& io, base::Fd fd, const SslContext& settings)
        : context_(io), settings_(referenced(settings)), stream_(io, settings_), timer_(io) {
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        detect_dead_peers(fd.get());
        assign(stream_.next_layer(), AF_INET6, std::move(fd));
    }

    void handshake(Done done) override { stream_.async_handshake(asio::ssl::stream_base::server, std::move(done)); }
    void read_some(asio::mutable_buffer buffer, Moved moved) override {
        stream_.async_read_some(buffer, std::move(moved));
    }
    void write(const Buffers& buffers, Moved moved) override { asio::async_write(stream_, buffers, std::move(moved)); }
    void shutdown(Done done) override {
        timer_.expires_after(shutdown_time);
        timer_.async_wait([this](ErrorCode error) {
            if (!error) close();
        });
        stream_.async_shutdown([this, done = std::move(done)](ErrorCode error) {
            timer_.cancel();
            done(error);
        });
    }
    void close() noexcept override { close_socket(stream_.next_layer()); }
    void wait_hang_up(Done done) override { stream_.next_layer().async_wait(Socket::wait_error, std::move(done)); }
    std::string peer_certificate() const override;
    asio::io_context& context() noexcept override { return context_; }

private:
    /// A peer that vanished without a word is noticed after a minute.
    static void detect_dead_peers(int fd) {
        const auto set = [fd](int level, int option, int value) {
            ::setsockopt(fd, level, option, &value, sizeof value);
        };
        set(SOL_SOCKET, SO_KEEPALIVE, 1);
        set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
        set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
        set(IPPROTO_TCP, TCP_KEEPCNT, 3);
    }

    asio::io_context& context_;
    asio::ssl::context settings_;
    asio::ssl::stream<Socket> stream_;
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                               asio::io_context::executor_type>
        timer_;
};

std::string TlsStream::peer_certificate() const {
    auto* ssl = const_cast<asio::ssl::stream<Socket>&>(stream_).native_handle();
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl), X509_free);
    if (!certificate) return {};
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate.get(), &bytes);
    if (size < 0) return {};
    std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
    OPENSSL_free(bytes);
    return der;
}

} // namespace

std::unique_ptr<Stream> unix_stream(asio::io_context& context, base::Fd socket) {
    return std::make_unique<UnixStream>(context, std::move(socket));
}

std::unique_ptr<Stream> tls_stream(asio::io_context& context, base::Fd socket, std::shared_ptr<ssl_ctx_st> settings) {
    return std::make_unique<TlsStream>(context, std::move(socket), settings);
}

} // namespace http
