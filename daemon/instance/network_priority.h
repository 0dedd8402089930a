#pragma once
// limits.network.priority: how a container's packets go before others' on the interfaces of the host, where cgroup v1's
// net_prio is in use. Callers: the start and its live hook.

#include "daemon/instance/instance.h"

namespace instance {

struct Rooms;

/// Of a running instance. Nothing happens where the host lacks the controller; throws where no interface takes it.
void set_network_priority(const Record& record, const Rooms& rooms);

} // namespace instance
