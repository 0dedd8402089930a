#pragma once
// The flags of `lxc copy` and `lxc move`.

#include "client/flags.h"
#include "schema/error.h"

namespace client {

/// Copy's; move has all but the first two.
inline constexpr Flag copy_flags[] = {
    {"ephemeral", 'e', FlagKind::toggle, "Let the copy be deleted when it stops"},
    {"refresh", 0, FlagKind::toggle, "Bring an existing copy up to date"},
    {"allow-inconsistent", 0, FlagKind::toggle, "Go on where files change while they are copied"},
    {"config", 'c', FlagKind::texts, "Configuration of the new instance, key=value"},
    {"device", 'd', FlagKind::texts, "Change to a device, device,key=value"},
    {"instance-only", 0, FlagKind::toggle, "Leave the snapshots out"},
    {"mode", 0, FlagKind::text, "How it gets to another server (pull, push or relay)", "pull"},
    {"no-profiles", 0, FlagKind::toggle, "Give the new instance no profiles"},
    {"profile", 'p', FlagKind::texts, "Profile of the new instance, in place of the source's"},
    {"stateless", 0, FlagKind::toggle, "Leave the state of a running instance out"},
    {"storage", 's', FlagKind::text, "Storage pool for the new instance"},
    {"target", 0, FlagKind::text, "Cluster member name"},
    {"target-project", 0, FlagKind::text, "Project to copy to"},
};

/// On one server all modes come to the same; a word that is none is refused.
inline void check_mode(const FlagValues& flags) {
    const auto mode = flags.text("mode");
    if (mode.empty() || mode == "pull" || mode == "push" || mode == "relay") return;
    throw schema::bad_request("Invalid mode \"{}\": it is pull, push or relay", mode);
}

} // namespace client
