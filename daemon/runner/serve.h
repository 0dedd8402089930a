#pragma once
// How the daemon gets runners quickly: `lxd-runner serve`, loaded and linked once, forks itself for each that is asked
// for. The forks are the daemon's own children, as if it had spawned them.
//
// Descriptor 3 of the server is a SOCK_SEQPACKET. A request is one packet: the numbers that the attached descriptors
// shall have ("3,4,1"; empty: none), then the arguments, each text followed by a zero byte. The answer is the child's
// pid as a native int with its pidfd attached, or a negative errno alone. The server ends with the socket.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runner {

constexpr int serve_socket_fd = 3;

/// `fds` are {ours, number in the child}; only the numbers become part of the text.
std::string encode_serve_request(const std::vector<std::string>& arguments,
                                 const std::vector<std::pair<int, int>>& fds);

struct ServeRequest {
    std::vector<std::string> arguments;
    std::vector<int> targets;
};
ServeRequest decode_serve_request(std::string_view packet);

/// The server's loop. Returns the arguments in each child, set up as a new program would be; nothing in the server,
/// when the daemon has gone.
std::optional<std::vector<std::string>> serve();

} // namespace runner
