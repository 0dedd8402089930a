#pragma once
// Unix sockets whose owner has gone. Callers: proxies, before they listen and after they have ended.

#include <string>

namespace base {

/// Removes a socket that nobody listens to any more; nothing happens to anything else.
void remove_stale_socket(const std::string& path);

} // namespace base
