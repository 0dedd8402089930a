#pragma once
// An instance as items of lxc.container.conf, pure: what lifecycle gives to the runtime at start, and what live changes
// are differences of.

#include "daemon/base/host_facts.h"
#include "daemon/instance/facets/facet.h"

namespace instance {

/// All items in order: the facets', then those of the devices (root filesystem, mounts, interfaces), then raw.lxc.
/// Each says where it comes from: its facet, and the keys without which it would not be there.
/// Throws bad_request where the host cannot do what is set, or a value cannot be a line of the file.
Items lxc_config(const Subject& subject, const base::HostFacts& facts, const Items& device_items);

/// The translation of the limits alone: the items that are cgroup files. Input to live_update.
Items cgroup_items(const Subject& subject, const base::HostFacts& facts);

} // namespace instance
