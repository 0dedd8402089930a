#pragma once
// Copies what a block device holds to another one. Called by the driver lvm, where nothing can share blocks.

#include "daemon/base/cancel.h"
#include "daemon/storage/driver.h"

namespace storage {

/// Both are open, the target for reading too: only what differs is written, so that a snapshot of the target keeps no
/// more than it must. What the target has beyond the source's size stays. On disk when it returns.
void copy_block_device(int source, int target, const base::CancelToken& cancel, const Progress& progress);

} // namespace storage
