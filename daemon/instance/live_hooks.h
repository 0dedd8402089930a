#pragma once
// What a change of a running instance asks for that is neither a cgroup file nor a device: a table of keys and what
// follows from them. Called by apply_live; a room whose keys act at once adds a row to live_hooks.cpp.

#include <span>
#include <string_view>
#include <vector>

#include "daemon/instance/instance.h"
#include "schema/config.h"

namespace instance {

struct Rooms;

struct LiveHook {
    std::string_view name;              // for the log
    std::vector<std::string_view> keys; // as in schema::instance_keys(): "user.*" is all of them
    /// Makes the running instance what `wanted` says; called once where any of the keys differ. Undone by a call with
    /// the two exchanged, and called again at the daemon's next start where a change was cut off: it must bear being
    /// called for what is there already. Throws what makes the change impossible.
    void (*run)(const Record& before, const Record& wanted, const Rooms& rooms);
};

/// In the order in which they run.
std::span<const LiveHook> live_hooks();
/// Those of `hooks` with a key that has another value, is gone or is new.
std::vector<const LiveHook*> due_hooks(std::span<const LiveHook> hooks, const schema::Config& before,
                                       const schema::Config& wanted);

} // namespace instance
