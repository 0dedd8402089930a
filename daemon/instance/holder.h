#pragma once
// Processes that keep a file locked while they live, which tells who they are whatever becomes of the daemon. Caller:
// the device host, for proxies.

#include <string>

#include <sys/types.h>

namespace instance {

/// 0 where nobody holds the file.
pid_t holder_of(const std::string& file);
/// SIGTERM, and SIGKILL where that does not help in time; returns when the process is gone, and removes the file.
void end_holder(const std::string& file);

} // namespace instance
