#include "test/unit/http/raw_client.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace http_test {

RawClient::RawClient(const std::string& socket_path) {
    fd_ = base::checked(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_path.c_str(), sizeof address.sun_path - 1);
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
        throw std::runtime_error("connect: " + std::string(std::strerror(errno)));
    const timeval patience{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

bool RawClient::try_send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const auto count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0) return false;
        bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
}

void RawClient::send(std::string_view bytes) const {
    if (!try_send(bytes)) throw std::runtime_error("send: " + std::string(std::strerror(errno)));
}

void RawClient::shut_down_writing() const {
    ::shutdown(fd_.get(), SHUT_WR);
}

bool RawClient::fill() {
    char piece[65536];
    const auto count = ::recv(fd_.get(), piece, sizeof piece, 0);
    if (count < 0 && errno == EAGAIN) throw std::runtime_error("nothing came within 20 seconds");
    if (count <= 0) return false;
    buffer_.append(piece, static_cast<size_t>(count));
    return true;
}

std::string RawClient::read_until(std::string_view end) {
    for (;;) {
        const auto found = buffer_.find(end);
        if (found != std::string::npos) return read_exactly(found + end.size());
        if (!fill()) throw std::runtime_error("the connection ended after: " + buffer_);
    }
}

std::string RawClient::read_exactly(size_t count) {
    while (buffer_.size() < count)
        if (!fill()) throw std::runtime_error("the connection ended after: " + buffer_);
    auto text = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return text;
}

std::string RawClient::read_to_end() {
    while (fill()) {
    }
    return std::exchange(buffer_, {});
}

std::string RawClient::read_chunks() {
    std::string body;
    for (;;) {
        const auto size = std::stoul(read_until("\r\n"), nullptr, 16);
        body += read_exactly(size);
        read_exactly(2);
        if (size == 0) return body;
    }
}

Reply RawClient::read_reply(bool head_only) {
    Reply reply;
    const auto head = read_until("\r\n\r\n");
    reply.status = std::stoi(head.substr(9, 3));
    for (size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
        const auto end = head.find("\r\n", at);
        const auto colon = head.find(": ", at);
        auto name = head.substr(at, colon - at);
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        reply.headers[name] = head.substr(colon + 2, end - colon - 2);
        at = end + 2;
    }
    if (head_only) return reply;
    if (reply.headers.contains("transfer-encoding"))
        reply.body = read_chunks();
    else if (const auto length = reply.headers.find("content-length"); length != reply.headers.end())
        reply.body = read_exactly(std::stoul(length->second));
    return reply;
}

std::string get(std::string_view target, std::string_view headers) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: lxd\r\n" + std::string(headers) + "\r\n";
}

} // namespace http_test
