#pragma once
// Downloaded images that were only kept for a launch go again when nobody used them for a while. Started by the
// daemon's housekeeping, once a day.

#include "daemon/images/store.h"
#include "daemon/operations/events.h"
#include "daemon/operations/operation.h"
#include "daemon/state/server_config.h"

namespace images {

/// The operation that looks, as `images.remote_cache_expiry` wants it at that time. All must outlive it.
operations::Spec expiry(ImageStore& images, const state::ServerConfig& config, operations::EventsHub& events);

} // namespace images
