#pragma once
// The compressors of archives, named as `compression_algorithm` names them: "gzip", "xz -9", "none". Callers: the keys
// that are set to one, publishing and backups.

#include <functional>
#include <string>

#include "daemon/base/cancel.h"
#include "daemon/storage/tar_writer.h"

namespace storage {

/// Throws bad_request where it is none that archives can be read with again, has an option that is not its strength or
/// its number of threads, or its program is not installed. An empty text is fine.
void check_compression(const std::string& algorithm);

/// Calls `produce` with a sink for a tar archive and writes it, compressed, to the open new file `output`, on several
/// processors where the format allows it. Returns when all is written; what a failure leaves is the caller's.
void compress(const std::string& algorithm, int output, const base::CancelToken& cancel,
              const std::function<void(const ByteSink& sink)>& produce);

} // namespace storage
