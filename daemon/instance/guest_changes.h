#pragma once
// What a change of an instance is to the programs inside it, pure: events of the guest API, and whether cloud-init is
// to take it for another instance. Called by lifecycle.

#include <string>
#include <vector>

#include "daemon/instance/instance.h"
#include "schema/json.h"

namespace instance {

struct GuestEvent {
    std::string type; // "config" or "device"
    schema::Json metadata;

    bool operator==(const GuestEvent&) const = default;
};

/// Keys of user.* and cloud-init.*, then devices that are removed, updated in place and added.
std::vector<GuestEvent> guest_events(const Record& before, const Record& after);

/// LXD's rule: what cloud-init is told, or the name of a network interface, differs.
bool needs_new_instance_id(const Record& before, const Record& after);

} // namespace instance
