#pragma once
// Compresses what is archived. Callers: publishing and backups.

#include <functional>
#include <string>

#include "daemon/base/cancel.h"
#include "daemon/storage/tar_writer.h"

namespace storage {

/// Calls `produce` with a sink for a tar archive and writes it, compressed, to the open new file `output`, on several
/// processors where the format allows it. Returns when all is written; what a failure leaves is the caller's. Throws
/// what schema::compression_from throws, and failure where the program is not installed.
void compress(const std::string& algorithm, int output, const base::CancelToken& cancel,
              const std::function<void(const ByteSink& sink)>& produce);

/// Whether what reads the archive there takes sparse files (mksquashfs 4.5 stumbles over them, and finds zeros itself).
bool keeps_holes(const std::string& algorithm);

} // namespace storage
