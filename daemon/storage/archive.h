#pragma once
// Image archives of all formats: looked into when they are imported, unpacked when a pool needs them.

#include <functional>
#include <optional>
#include <string>

#include "daemon/base/cancel.h"
#include "daemon/storage/tar_archives.h"

namespace storage {

/// Reads a tar archive to its end, so that a damaged, cut or hostile one is refused now and not at the first launch; of
/// a squashfs the header and metadata.yaml. Throws bad_request.
ArchiveContents inspect_archive(const std::string& file, const base::CancelToken& cancel);

/// Unpacks an archive of any format into an empty folder; what a failure leaves in it is the caller's to remove.
void unpack_archive(const std::string& file, const std::string& folder, const base::CancelToken& cancel,
                    const std::function<void(int percent)>& progress);

/// Unpacks an image (a unified file, or a metadata file with `root_file` beside it) into an empty folder, which then
/// holds metadata.yaml, rootfs/ and perhaps templates/, none of them a link.
void unpack_image(const std::string& file, const std::optional<std::string>& root_file, const std::string& folder,
                  const base::CancelToken& cancel, const std::function<void(int percent)>& progress);

/// Whether what was unpacked as a container's volume is one: throws bad_request where it has no rootfs, or a part is a
/// link or no folder, which the daemon would follow later.
void check_volume(const std::string& folder);

} // namespace storage
