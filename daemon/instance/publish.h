#pragma once
// Makes images of stopped instances and of snapshots. Called by the API.

#include <functional>
#include <string>

#include "daemon/base/cancel.h"
#include "daemon/images/store.h"
#include "daemon/instance/registry.h"
#include "daemon/state/database.h"
#include "daemon/storage/pool.h"
#include "schema/api/image.h"

namespace instance {

/// What publishing works with; all outlive it.
struct PublishRooms {
    state::Database& database;
    Registry& instances;
    storage::Pools& pools;
    images::ImageStore& images;
};

/// Called with the bytes read so far, now and then.
using PackProgress = std::function<void(uint64_t bytes)>;

/// `post.compression_algorithm` is chosen. Throws failure with LXD's texts for a source that is none or runs; nothing
/// is left of an image that was not completed.
schema::Image publish(const schema::ImagesPost& post, const PublishRooms& rooms, const base::CancelToken& cancel,
                      const PackProgress& progress);

} // namespace instance
