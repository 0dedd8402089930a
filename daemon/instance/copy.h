#pragma once
// Copies of instances on this host; the steps themselves are Lifecycle's.

#include <string>

#include "daemon/instance/lifecycle.h"

namespace instance {

/// Whether a copy keeps a key of its source.
bool is_copied(const std::string& key);
/// At the daemon's start: what a crash left frozen for a copy runs on.
void thaw_sources_of_copies(const Rooms& rooms);

} // namespace instance
