// The transport alone, for http_load and for measuring its memory: answers every GET with some text, `/stream?bytes=N`
// with N produced bytes, and takes any body.
//
//   http_hello SOCKET      (until its standard input ends)

#include <algorithm>
#include <cstdio>
#include <cstring>

#include <unistd.h>

#include "daemon/http/server.h"

namespace {

class Zeros : public http::BodyProducer {
public:
    explicit Zeros(uint64_t bytes) : left_(bytes), all_(bytes) {}
    size_t read(char* buffer, size_t size) override {
        const auto count = static_cast<size_t>(std::min<uint64_t>(size, left_));
        std::memset(buffer, 0, count);
        left_ -= count;
        return count;
    }
    std::optional<uint64_t> length() const override { return all_; }

private:
    uint64_t left_;
    uint64_t all_;
};

http::Response answer(const http::Request& request) {
    http::Response response;
    response.headers["Content-Type"] = "application/json";
    uint64_t taken = request.body.size();
    if (request.stream) {
        std::string piece(64U << 10U, '\0');
        while (const auto count = request.stream->read(piece.data(), piece.size())) taken += count;
    }
    if (request.path == "/stream")
        response.body = std::make_shared<Zeros>(std::stoull(request.parameter("bytes")));
    else
        response.body = "{\"taken\":" + std::to_string(taken) + "}\n";
    return response;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: http_hello SOCKET\n");
        return 2;
    }
    base::WorkerPool workers(64);
    http::Server server({}, workers, answer);
    server.listen_unix(http::bind_unix(argv[1], 0600, -1));
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
    server.stop();
    ::unlink(argv[1]);
    return 0;
}
