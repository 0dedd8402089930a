#pragma once
// Whether the files of an instance's root have the owners that its id map asks for: as the pool shows them, laid over a
// mount where the kernel can, on disk where neither can. Called by lifecycle, under the instance's lock.

#include <functional>

#include "daemon/instance/lifecycle.h"

namespace instance {

/// Before a start, with the record's volatile.idmap.next chosen: changes the files where they have to be. `store` is
/// given the volatile changes, once they are true. Throws failure "Container is protected against filesystem shifting".
void settle_root_owners(const Record& record, const Rooms& rooms, const Caller& caller,
                        const std::function<void(const schema::Config&)>& store);
/// At the daemon's start: undoes what a crash cut off.
void repair_root_owners(const Record& record, const Rooms& rooms);

/// Makes the root of a stopped instance usable. Returns where it is and the map that its files are seen with there,
/// which is that of the next start where the pool can show it.
StoppedRoot shown_root(const Record& record, storage::Pools& pools);
/// The same for access to its files, whether it runs (then nothing is done) or not.
StoppedRoot root_for_access(const Instance& instance, storage::Pools& pools);

} // namespace instance
