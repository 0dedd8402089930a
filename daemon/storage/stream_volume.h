#pragma once
// Copies a volume from one pool to another of the same driver as the stream that both speak. Called by the pools.

#include <functional>
#include <string>

#include "daemon/storage/driver.h"

namespace storage {

/// Both drivers have transfer(). `parent`: a snapshot of the source's volume that the target's has already. All or
/// nothing; throws what either side throws, the receiver's first: a sender then finds nobody there.
void stream_volume(Driver& from, const VolumeId& source, const std::string& parent, Driver& to, const VolumeId& target,
                   const base::CancelToken& cancel);

/// Calls both at the same time, with the ends of a pipe. Throws what either throws, the receiver's first, but for a
/// receiver's whose sender had failed before. That the sender failed may come out when all was received.
void through_pipe(const std::function<void(int to)>& send, const std::function<void(int from)>& receive);

} // namespace storage
