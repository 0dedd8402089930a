#pragma once
// What a container's root may hold: `size` of its root disk, kept by its pool. Called by lifecycle.

#include "daemon/instance/instance.h"

namespace storage {
class Pools;
}

namespace instance {

/// Throws where a new container's root holds more than its root disk allows from the beginning.
void check_new_root(const Record& record, storage::Pools& pools);
/// Throws where a root holds more than a changed `size`.
void check_root_limit(const Record& before, const Record& after, storage::Pools& pools);
/// Sets a new container's limit, where its root disk has one.
void limit_root(const Record& record, storage::Pools& pools);
/// Follows a change of `size`, in use or not. Throws before anything is changed.
void change_root_limit(const Record& before, const Record& after, storage::Pools& pools);

/// Of a root that holds what it held before, with the limit that it had until now.
void limit_restored_root(const Record& before, const Record& after, storage::Pools& pools);

} // namespace instance
