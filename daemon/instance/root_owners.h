#pragma once
// Whether the files of an instance's root have the owners that its id map asks for: laid over a mount where the kernel
// can, on disk where it cannot. Called by lifecycle, under the instance's lock.

#include <functional>

#include "daemon/instance/lifecycle.h"

namespace instance {

/// Before a start, with the record's volatile.idmap.next chosen: changes the files where they have to be. `store` is
/// given the volatile changes, once they are true. Throws failure "Container is protected against filesystem shifting".
void settle_root_owners(const Record& record, const Rooms& rooms, const Caller& caller,
                        const std::function<void(const schema::Config&)>& store);
/// At the daemon's start: undoes what a crash cut off.
void repair_root_owners(const Record& record, const Rooms& rooms);

/// For access to its files while it is stopped.
StoppedRoot stopped_root(const Record& record, const storage::Pools& pools);

} // namespace instance
