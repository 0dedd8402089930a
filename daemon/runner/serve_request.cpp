#include "daemon/runner/serve.h"

#include <algorithm>
#include <charconv>

namespace runner {

std::string encode_serve_request(const std::vector<std::string>& arguments,
                                 const std::vector<std::pair<int, int>>& fds) {
    std::string packet;
    for (const auto& [ours, target] : fds) packet += (packet.empty() ? "" : ",") + std::to_string(target);
    packet += '\0';
    for (const auto& argument : arguments) (packet += argument) += '\0';
    return packet;
}

ServeRequest decode_serve_request(std::string_view packet) {
    ServeRequest request;
    const auto next = [&] {
        const auto end = std::min(packet.find('\0'), packet.size());
        const auto text = packet.substr(0, end);
        packet.remove_prefix(std::min(end + 1, packet.size()));
        return text;
    };
    const auto numbers = next();
    for (const auto *at = numbers.data(), *end = at + numbers.size(); at < end; ++at) {
        int number = 0;
        at = std::from_chars(at, end, number).ptr;
        request.targets.push_back(number);
    }
    while (!packet.empty()) request.arguments.emplace_back(next());
    return request;
}

} // namespace runner
