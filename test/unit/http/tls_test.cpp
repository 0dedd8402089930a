// TLS: protocol versions, client certificates, peers that misbehave.

#include <memory>
#include <stdexcept>

#include <netinet/in.h>
#include <sys/socket.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/error.h"
#include "test/unit/http/running_server.h"
#include "test/unit/http/web_client.h"

namespace {

using http_test::get;
using http_test::text_reply;

template <auto Free> struct Freed {
    template <class T> void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;

/// Self-signed, as every LXD client's is.
struct Identity {
    Key key{EVP_EC_gen("P-256")};
    Certificate certificate{X509_new()};

    explicit Identity(const char* name) {
        X509_set_version(certificate.get(), 2);
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
        X509_set_pubkey(certificate.get(), key.get());
        auto* subject = X509_get_subject_name(certificate.get());
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1,
                                   0);
        X509_set_issuer_name(certificate.get(), subject);
        X509_sign(certificate.get(), key.get(), EVP_sha256());
    }
    std::string der() const {
        unsigned char* bytes = nullptr;
        const int size = i2d_X509(certificate.get(), &bytes);
        std::string text(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
        OPENSSL_free(bytes);
        return text;
    }
    template <class Write> static std::string pem(Write write) {
        const std::unique_ptr<BIO, Freed<BIO_free>> bio(BIO_new(BIO_s_mem()));
        write(bio.get());
        char* data = nullptr;
        const auto size = BIO_get_mem_data(bio.get(), &data);
        return {data, static_cast<size_t>(size)};
    }
    http::TlsIdentity pems() const {
        return {pem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); }), pem([&](BIO* bio) {
                    PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
                })};
    }
};

struct TlsServer {
    explicit TlsServer(http::Handler handler) : server({}, workers, std::move(handler)) {
        auto fd = http::bind_tcp("127.0.0.1:0");
        socklen_t size = sizeof address;
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
        server.listen_tls(std::move(fd), identity.pems());
    }
    base::Fd connect() const {
        base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const timeval patience{20, 0};
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
            throw std::runtime_error("connect");
        return fd;
    }

    Identity identity{"server"};
    sockaddr_in address{};
    base::WorkerPool workers{64};
    http::Server server;
};

class TlsClient {
public:
    TlsClient(const TlsServer& server, int version, const Identity* identity = nullptr) : fd_(server.connect()) {
        SSL_CTX_set_max_proto_version(context_.get(), version);
        SSL_CTX_set_min_proto_version(context_.get(), version);
        SSL_CTX_set_cipher_list(context_.get(), "DEFAULT:@SECLEVEL=0");
        if (identity) {
            SSL_CTX_use_certificate(context_.get(), identity->certificate.get());
            SSL_CTX_use_PrivateKey(context_.get(), identity->key.get());
        }
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_fd(ssl_.get(), fd_.get());
        connected_ = SSL_connect(ssl_.get()) == 1;
    }
    bool connected() const { return connected_; }
    SSL* ssl() const { return ssl_.get(); }

    void send(const std::string& text) const {
        if (SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) <= 0) throw std::runtime_error("write");
    }
    /// Up to and with `end`; what came before the connection's end otherwise.
    std::string read_until(const std::string& end) const {
        std::string text;
        char byte = 0;
        while (!text.ends_with(end) && SSL_read(ssl_.get(), &byte, 1) == 1) text += byte;
        return text;
    }
    /// Bytes up to the end of the connection.
    size_t drain() const {
        size_t count = 0;
        char piece[16384];
        for (int got = 0; (got = SSL_read(ssl_.get(), piece, sizeof piece)) > 0;) count += static_cast<size_t>(got);
        return count;
    }
    bool ended_properly() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

private:
    base::Fd fd_;
    std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context_{SSL_CTX_new(TLS_client_method())};
    std::unique_ptr<SSL, Freed<SSL_free>> ssl_;
    bool connected_ = false;
};

http::Response say_peer(const http::Request& request) {
    const auto& peer = request.peer;
    return text_reply((peer.kind == http::Peer::Kind::tls ? "tls " : "unix ") + peer.address + " " +
                      std::to_string(peer.certificate_der.size()) + "!");
}

class Tls : public testing::TestWithParam<int> {};

TEST_P(Tls, CarriesRequests) {
    TlsServer server{say_peer};
    const TlsClient client(server, GetParam());
    for (int i = 0; i < 3; ++i) {
        client.send(get("/"));
        EXPECT_THAT(client.read_until("!"), testing::ContainsRegex("\r\n\r\ntls 127\\.0\\.0\\.1:[0-9]+ 0!"));
    }
}

TEST_P(Tls, ShowsTheClientsCertificate) {
    std::string seen;
    TlsServer server{[&](const http::Request& request) {
        seen = request.peer.certificate_der;
        return text_reply("!");
    }};
    const Identity identity("client");
    const TlsClient client(server, GetParam(), &identity);
    client.send(get("/"));
    client.read_until("!");
    EXPECT_TRUE(seen == identity.der());
}

class Zeros : public http::BodyProducer {
public:
    size_t read(char* buffer, size_t size) override {
        const auto count = std::min(size, left_);
        std::fill_n(buffer, count, '\0');
        left_ -= count;
        return count;
    }

private:
    size_t left_ = 8U << 20U;
};

TEST_P(Tls, EndsProperlyAfterALongBody) {
    TlsServer server{[](const http::Request&) {
        http::Response response;
        response.body = std::make_shared<Zeros>();
        return response;
    }};
    const TlsClient client(server, GetParam());
    client.send("GET / HTTP/1.0\r\n\r\n");
    client.read_until("\r\n\r\n");
    EXPECT_EQ(client.drain(), 8U << 20U);
    EXPECT_TRUE(client.ended_properly());
}

TEST_P(Tls, CarriesWebsockets) {
    TlsServer server{[](const http::Request&) {
        http::Response response;
        response.body = http::Response::Upgrade{[](const std::shared_ptr<http::WebSocket>& socket) {
            const auto message = socket->receive();
            socket->send(message->kind, message->data);
        }};
        return response;
    }};
    const TlsClient client(server, GetParam());
    client.send(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    client.read_until("\r\n\r\n");
    client.send(http_test::WebClient::bytes(http_test::Frame::text, "hello"));
    EXPECT_EQ(client.read_until("hello"), "\x81\x05hello");
    EXPECT_EQ(client.read_until("\xe8"), "\x88\x02\x03\xe8");
    client.send(http_test::WebClient::bytes(http_test::Frame::closing, "\x03\xe8"));
    client.drain();
    EXPECT_TRUE(client.ended_properly());
}

INSTANTIATE_TEST_SUITE_P(Versions, Tls, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& row) { return row.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST(TlsServer, RefusesOldVersions) {
    const TlsServer server{say_peer};
    EXPECT_FALSE(TlsClient(server, TLS1_1_VERSION).connected());
}

TEST(TlsServer, IsNotHeldUpByAClientThatSaysNothing) {
    const TlsServer server{say_peer};
    std::vector<base::Fd> silent;
    for (int i = 0; i < 20; ++i) silent.push_back(server.connect());
    const TlsClient client(server, TLS1_3_VERSION);
    client.send(get("/"));
    EXPECT_THAT(client.read_until("!"), testing::HasSubstr("200 OK"));
}

TEST(TlsServer, SurvivesWhatIsNotTls) {
    const TlsServer server{say_peer};
    for (const std::string bytes : {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", ""}) {
        const auto fd = server.connect();
        ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }
    const TlsClient client(server, TLS1_3_VERSION);
    EXPECT_TRUE(client.connected());
}

TEST(TlsServer, RefusesAKeyThatDoesNotBelong) {
    const TlsServer server{say_peer};
    base::WorkerPool workers{4};
    http::Server other({}, workers, say_peer);
    auto mixed = Identity("a").pems();
    mixed.key_pem = Identity("b").pems().key_pem;
    EXPECT_THROW(other.listen_tls(http::bind_tcp("127.0.0.1:0"), mixed), schema::Error);
    EXPECT_THROW(other.listen_tls(http::bind_tcp("127.0.0.1:0"), {"", ""}), schema::Error);
}

} // namespace
