#include "test/unit/http/web_client.h"

namespace http_test {

namespace {

std::string big_endian(uint64_t value, int bytes) {
    std::string text;
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    return text;
}

uint64_t number(const std::string& big_endian_text) {
    uint64_t value = 0;
    for (const char c : big_endian_text) value = value << 8U | static_cast<uint8_t>(c);
    return value;
}

} // namespace

WebClient::WebClient(const std::string& socket_path, std::string_view headers) : raw(socket_path) {
    raw.send(get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                            std::string(headers)));
    reply = raw.read_reply(true);
}

std::string WebClient::bytes(uint8_t opcode, std::string_view data, bool last) {
    std::string frame(1, static_cast<char>((last ? 0x80U : 0U) | opcode));
    const uint8_t masked = 0x80;
    if (data.size() < 126)
        frame += static_cast<char>(masked | data.size());
    else if (data.size() < 65536)
        frame += static_cast<char>(masked | 126U) + big_endian(data.size(), 2);
    else
        frame += static_cast<char>(masked | 127U) + big_endian(data.size(), 8);
    const std::string mask = "\x12\x34\x56\x78";
    frame += mask;
    for (size_t i = 0; i < data.size(); ++i) frame += static_cast<char>(data[i] ^ mask[i % 4]);
    return frame;
}

Frame WebClient::receive() {
    const auto head = raw.read_exactly(2);
    Frame frame;
    frame.last = (static_cast<uint8_t>(head[0]) & 0x80U) != 0;
    frame.opcode = static_cast<uint8_t>(head[0]) & 0x0fU;
    uint64_t size = static_cast<uint8_t>(head[1]);
    if (size == 126) size = number(raw.read_exactly(2));
    if (size == 127) size = number(raw.read_exactly(8));
    frame.data = raw.read_exactly(size);
    return frame;
}

} // namespace http_test
