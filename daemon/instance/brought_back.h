#pragma once
// What an instance is configured to be once it is brought back to a snapshot, or put into another pool. Used by
// lifecycle.

#include "daemon/instance/registry.h"
#include "schema/api/instance.h"

namespace instance {

/// A snapshot's configuration over the present one: what tells of a container that runs, or ran last, stays as it is;
/// other volatile keys go back where the snapshot has them. Pure.
schema::InstancePut brought_back(const schema::InstancePut& present, const schema::InstancePut& snapshot);

/// The devices of a row with their root disk in this pool: changed where it is one of its own, added where it comes
/// from a profile or is missing.
schema::Devices with_root_in(const std::string& pool, const state::InstanceRow& row, const Registry& instances);

} // namespace instance
