#pragma once
// An instance or a snapshot that something is made of: an image, a backup.

#include <memory>
#include <string>

#include "daemon/instance/registry.h"
#include "daemon/state/snapshots.h"
#include "daemon/storage/id_shift.h"
#include "schema/api/instance.h"

namespace instance {

struct Source {
    std::string pool;
    std::string instance;
    std::string snapshot; // empty: the instance itself
    schema::InstancePut put;
    storage::IdShift to_inside; // from the ids on disk
    std::shared_ptr<Instance> live;
    schema::Time last_used_at;

    /// Throws failure with the text where the instance runs, or ran since this was made; a snapshot never does.
    void check_stopped(const char* text) const;
};

/// By "NAME" or "NAME/SNAPSHOT". Throws not_found.
Source source_of(const std::string& name, const Registry& instances, const state::Snapshots& snapshots);

} // namespace instance
