#pragma once
// Moving data between a client's websocket and a descriptor. Callers: exec and console, each on threads of its own.

#include <functional>
#include <string_view>

#include "daemon/base/web_socket.h"
#include "schema/json.h"

namespace instance {

/// What a pump does once `ended` is readable: moves what is there already, or nothing more.
enum class AtEnd { drain, stop };

/// Takes some bytes; false when it takes no more.
using Sink = std::function<bool(std::string_view data)>;

/// Moves what is written to `fd` to the client: until end of file, until the sink takes no more, or until `ended` is
/// readable.
void pump_output(int fd, int ended, const Sink& sink, AtEnd at_end);
/// Moves what the client sends to `fd`, which must not block; a text message or the socket's end is end of file.
void pump_input(base::WebSocket& socket, int fd, int ended);
void set_nonblocking(int fd);

/// A number of a control message, which LXD's clients send as text or as number; 0 where there is none.
int number_in(const schema::Json& arguments, std::string_view key);

} // namespace instance
