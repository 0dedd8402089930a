#include "client/connection.h"

#include <array>
#include <thread>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "daemon/base/fd.h"
#include "schema/error.h"

namespace client {
namespace {

/// A server that answers one connection as a script says; each test has its own folder for the socket.
class FakeServer {
public:
    FakeServer() {
        folder_ = "/tmp/client-test-XXXXXX";
        if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("mkdtemp");
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        listener_ = base::checked(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(listener_.get(), 1) != 0) {
            throw std::runtime_error("bind");
        }
    }
    ~FakeServer() {
        if (thread_.joinable()) thread_.join();
        ::unlink(path().c_str());
        ::rmdir(folder_.c_str());
    }

    std::string path() const { return folder_ + "/unix.socket"; }
    /// For each connection: reads a request's head, answers with what `answer` makes of it, and hangs up.
    void serve(std::function<std::string(const std::string&)> answer, int connections = 1) {
        thread_ = std::thread([this, answer = std::move(answer), connections] {
            for (int i = 0; i < connections; ++i) {
                const base::Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
                std::array<char, 4096> buffer;
                request_.clear();
                while (request_.find("\r\n\r\n") == std::string::npos) {
                    const auto count = ::read(peer.get(), buffer.data(), buffer.size());
                    if (count <= 0) return;
                    request_.append(buffer.data(), static_cast<size_t>(count));
                }
                base::write_all(peer.get(), answer(request_));
            }
        });
    }
    /// Waits until it has hung up; the request.
    const std::string& finish() {
        thread_.join();
        return request_;
    }

private:
    std::string folder_;
    std::string request_;
    base::Fd listener_;
    std::thread thread_;
};

std::string accept_key(const std::string& request) {
    const auto start = request.find("Sec-WebSocket-Key: ") + 19;
    const auto key =
        request.substr(start, request.find("\r\n", start) - start) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, 20> hash{};
    EVP_Digest(key.data(), key.size(), hash.data(), nullptr, EVP_sha1(), nullptr);
    std::array<unsigned char, 32> text{};
    const auto size = EVP_EncodeBlock(text.data(), hash.data(), hash.size());
    return {text.begin(), text.begin() + size};
}

std::string upgrade(const std::string& request) {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
           accept_key(request) + "\r\n\r\n";
}

TEST(WebSocket, KeepsDataThatCameBeforeTheServerHungUp) {
    FakeServer server;
    // A ping that can no longer be answered, a binary message, and the text that ends the stream.
    server.serve([](const std::string& request) {
        return upgrade(request) + std::string("\x89\x04ping\x82\x05hello\x81\x00", 15);
    });
    Connection connection(server.path());
    auto socket = connection.open_websocket("/1.0/operations/x/websocket?secret=y");
    server.finish();
    auto pipe = base::make_pipe();
    socket.receive_to(pipe.write_end.get());
    pipe.write_end.reset();
    EXPECT_EQ(base::read_to_end(pipe.read_end.get()), "hello");
}

TEST(WebSocket, ThatIsRefusedThrowsTheServersError) {
    FakeServer server;
    const std::string body = R"({"type": "error", "error": "not found", "error_code": 404})";
    server.serve(
        [&](const std::string&) {
            return "HTTP/1.1 404 Not Found\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        },
        2);
    Connection connection(server.path());
    try {
        connection.open_websocket("/1.0/operations/x/websocket");
        FAIL();
    } catch (const schema::Error& error) {
        EXPECT_STREQ(error.what(), "not found");
        EXPECT_EQ(error.kind(), schema::ErrorKind::not_found);
    }
}

TEST(Connection, SaysWhereNobodyListens) {
    Connection connection("/nonexistent/unix.socket");
    try {
        connection.send({.target = "/1.0"});
        FAIL();
    } catch (const schema::Error& error) {
        EXPECT_STREQ(error.what(),
                     "Get \"http://unix.socket/1.0\": dial unix /nonexistent/unix.socket: connect: no such "
                     "file or directory");
    }
}

TEST(Connection, GivesTheBodyToTheSinkInPieces) {
    FakeServer server;
    server.serve([](const std::string&) {
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-LXD-type: "
               "file\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    });
    Connection connection(server.path());
    std::string body;
    const auto response = connection.send({.target = "/1.0/x"}, [&](const HttpResponse& head) -> Sink {
        EXPECT_EQ(head.header("x-lxd-type"), "file");
        return [&](std::string_view part) { body += part; };
    });
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(body, "abcde");
    EXPECT_EQ(response.body, "");
}

TEST(Connection, SendsTheLengthOfABodyThatIsKnown) {
    FakeServer server;
    server.serve([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"); });
    Connection connection(server.path());
    const auto response = connection.send({.method = "POST", .target = "/1.0/x", .body = {{.text = "abc"}}});
    EXPECT_EQ(response.body, "{}");
    const auto& request = server.finish();
    EXPECT_TRUE(request.starts_with("POST /1.0/x HTTP/1.1\r\n"));
    EXPECT_NE(request.find("Content-Length: 3\r\n"), std::string::npos);
}

} // namespace
} // namespace client
