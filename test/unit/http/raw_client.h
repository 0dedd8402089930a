#pragma once
// A client that sends and receives bytes as a test writes them, so that tests see what is on the wire.

#include <map>
#include <string>
#include <string_view>

#include "daemon/base/fd.h"

namespace http_test {

struct Reply {
    int status = 0;
    std::map<std::string, std::string> headers; // names in lower case
    std::string body;
};

class RawClient {
public:
    explicit RawClient(const std::string& socket_path);

    void send(std::string_view bytes) const;
    /// False when the peer does not take it all (reset or closed).
    bool try_send(std::string_view bytes) const;
    void shut_down_writing() const;
    void close() { fd_.reset(); }
    int fd() const { return fd_.get(); }

    /// Reads exactly one response, whose body is as long as its head says.
    Reply read_reply(bool head_only = false);
    /// Sends a request and reads its response.
    Reply ask(std::string_view bytes) {
        send(bytes);
        return read_reply();
    }
    /// Up to and with `end`.
    std::string read_until(std::string_view end);
    std::string read_exactly(size_t count);
    /// Everything up to the end; a reset counts as one.
    std::string read_to_end();

private:
    bool fill();
    std::string read_chunks();

    base::Fd fd_;
    std::string buffer_;
};

std::string get(std::string_view target, std::string_view headers = {});

} // namespace http_test
