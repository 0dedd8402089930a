#pragma once
// Makes a subvolume of a stream of `btrfs send` without trusting it: every path is resolved below the subvolume, links
// in it are not followed. Called by the driver btrfs.

#include <functional>
#include <string>

#include <sys/types.h>

#include "daemon/base/cancel.h"
#include "daemon/base/fd.h"
#include "daemon/storage/send_stream.h"

namespace storage {

/// What a stream that is a difference starts from: the subvolume that had this id (16 bytes) where it was sent from.
/// An empty Fd where there is none.
using FindParent = std::function<base::Fd(const std::string& uuid)>;

/// As the sender knew it, for differences from it that come later.
struct Received {
    std::string uuid;
    uint64_t transaction = 0;
    mode_t mode = 0; // of its top folder
};

/// `path` must not exist; it stays writable, and nobody but root passes through it until the caller gives it its mode.
/// What a failure leaves is the caller's, too.
Received receive_subvolume(send_stream::Reader& stream, const std::string& path, const FindParent& find_parent,
                           const base::CancelToken& cancel);

} // namespace storage
