#pragma once
// The service manager's side of things: inherited sockets and the readiness notice. Called by the daemon's start.
// Both calls take their variables out of the environment: left there, liblxc's monitors would inherit them and keep
// descriptors that are not theirs. Call them before other threads read the environment.

#include <vector>

#include "daemon/base/fd.h"

namespace base {

/// The listening sockets that systemd passed to this process, close-on-exec; empty when there are none.
std::vector<Fd> inherited_sockets();
/// Says READY=1 to the service manager, where there is one. Can be said once.
void notify_ready();

} // namespace base
