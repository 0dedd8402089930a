#pragma once
// Tar archives, compressed or not: looked into and unpacked. The daemon has this done by lxd-tar (storage/tar_program),
// so that the libraries for it, and what a hostile archive might do to them, stay out of its process; lxd-tar and unit
// tests do it themselves (storage/tar_here). Called by archive.cpp.

#include <functional>
#include <optional>
#include <string>

#include "daemon/base/cancel.h"

namespace storage {

/// What an archive tells about the image in it.
struct ArchiveContents {
    std::optional<std::string> metadata; // the text of metadata.yaml, up to 1 MiB
    bool has_root = false;               // rootfs/ is in it
};

/// Reads it to its end. Throws bad_request for a hostile or damaged archive.
ArchiveContents inspect_tar(const std::string& file, const base::CancelToken& cancel);

/// Unpacks with numeric owners, extended attributes, hard links, devices and holes. The folder is ours alone and its
/// content is removed by the caller when this throws: bad_request for hostile or damaged archives, std::system_error.
/// Device nodes that may not be made in a user namespace are left out.
void unpack_tar(const std::string& file, const std::string& folder, const base::CancelToken& cancel,
                const std::function<void(int percent)>& progress);

} // namespace storage
