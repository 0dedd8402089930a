#pragma once
// The server's keys of before there were pools (storage.zfs_pool_name, storage.lvm_vg_name and what goes with them):
// setting them makes the pool "default". Called by the server's handlers.

#include <optional>

#include "schema/api/storage.h"
#include "schema/config.h"

namespace api {

struct Context;

/// The pool that the keys ask for. Throws bad_request where they ask for two.
std::optional<schema::StoragePool> pool_of_keys(const schema::Config& server);

/// Before the server's configuration becomes `after`. Makes the pool, and a root disk in the profile "default" that has
/// none. A pool that is there stays: throws bad_request where the keys ask for another.
void follow_storage_keys(Context& context, const schema::Config& before, const schema::Config& after);

} // namespace api
