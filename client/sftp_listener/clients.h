#pragma once
// The clients that connect, each served by a process of its own: what one does, or what befalls libssh in it, concerns
// no other, and its end frees everything. Caller: main.

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/base/fd.h"

namespace client {

/// Serves one client up to its end; `peer` is its address as it is shown.
using ServeClient = std::function<void(base::Fd socket, const std::string& peer)>;

/// Accepts clients for ever; throws where the listener fails. A process that serves one ends with this one. Not to be
/// called when there are threads.
[[noreturn]] void serve_clients(base::Fd listener, const ServeClient& serve);

/// Prints a line at once; whether anybody reads it is no concern of the clients'.
void tell(std::FILE* stream, std::string_view line);

} // namespace client
