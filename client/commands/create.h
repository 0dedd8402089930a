#pragma once
// What `lxc init` and `lxc launch` share: making an instance from an image, or an empty one.

#include <string>

#include "client/command.h"
#include "client/session.h"

namespace client {

/// launch's flags; init has the same but the first.
inline constexpr Flag launch_flags[] = {
    {"console", 0, FlagKind::text, "Attach to the console once started", "", "console"},
    {"config", 'c', FlagKind::texts, "Configuration of the new instance, key=value"},
    {"device", 'd', FlagKind::texts, "Change to a device of the profiles, device,key=value"},
    {"empty", 0, FlagKind::toggle, "Create an instance without an image"},
    {"ephemeral", 'e', FlagKind::toggle, "Delete the instance when it stops"},
    {"network", 'n', FlagKind::text, "Network to connect to"},
    {"no-profiles", 0, FlagKind::toggle, "Apply no profile, not even the default one"},
    {"profile", 'p', FlagKind::texts, "Profile to apply, in place of the default one"},
    {"storage", 's', FlagKind::text, "Storage pool for the root disk"},
    {"target", 0, FlagKind::text, "Cluster member name"},
    {"type", 't', FlagKind::text, "Instance type of a public cloud, whose limits are applied"},
    {"vm", 0, FlagKind::toggle, "Create a virtual machine"},
};

struct Created {
    Server& server;
    std::string remote;
    std::string name; // the server's choice where none was given
};

/// Prints what it does; throws when the instance could not be made.
Created create_instance(Session& session, const Call& call);

} // namespace client
