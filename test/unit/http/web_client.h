#pragma once
// A websocket client of a few lines, to see frames as they are. Interop with real clients is tested elsewhere.

#include <cstdint>
#include <string>
#include <string_view>

#include "test/unit/http/raw_client.h"

namespace http_test {

struct Frame {
    enum Opcode : uint8_t { continuation = 0, text = 1, binary = 2, closing = 8, ping = 9, pong = 10 };

    uint8_t opcode = 0;
    bool last = true;
    std::string data;

    bool operator==(const Frame&) const = default;
};

class WebClient {
public:
    /// Connects and upgrades.
    explicit WebClient(const std::string& socket_path, std::string_view headers = {});

    void send(uint8_t opcode, std::string_view data, bool last = true) const { raw.send(bytes(opcode, data, last)); }
    Frame receive();
    static std::string bytes(uint8_t opcode, std::string_view data, bool last = true);

    RawClient raw;
    Reply reply; // to the upgrade
};

} // namespace http_test
