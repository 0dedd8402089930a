#pragma once
// Unpacks a tar archive into a folder and nowhere else. Called by archive.cpp.

#include <string>

#include "daemon/base/cancel.h"
#include "daemon/storage/tar_reader.h"

namespace storage {

/// Unpacks with numeric owners, extended attributes, hard links, devices and holes. The folder is ours alone and its
/// content is removed by the caller when this throws: bad_request for hostile or damaged archives, std::system_error.
/// Device nodes that may not be made in a user namespace are left out.
void unpack_tar(const std::string& file, const std::string& folder, const base::CancelToken& cancel,
                const TarReader::Progress& progress);

} // namespace storage
