#pragma once
// /dev/lxd comes to a running container and leaves it. A row of the live hooks.

#include "daemon/instance/instance.h"

namespace instance {

struct Rooms;

/// As LiveHook::run.
void change_guest_mount(const Record& before, const Record& wanted, const Rooms& rooms);

} // namespace instance
