#pragma once
// Tar archives, compressed or not: looked into and unpacked. The daemon has this done by lxd-tar (storage/tar_program),
// so that the libraries for it, and what a hostile archive might do to them, stay out of its process; lxd-tar and unit
// tests do it themselves (storage/tar_here). Called by archive.cpp.

#include <functional>
#include <optional>
#include <string>
#include <vector>

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

/// The content of the first file of that name, which is read no further; nothing where there is none.
std::optional<std::string> tar_member(const std::string& file, const std::string& name,
                                      const base::CancelToken& cancel);

/// Writes the content of the file of that name, however long, to an open descriptor, with zeros for its holes. Throws
/// bad_request where there is none.
void tar_content(const std::string& file, const std::string& name, int to, const base::CancelToken& cancel);

/// The same for the content of a block volume, told as by a BlockSender (storage/block_content.h).
void tar_blocks(const std::string& file, const std::string& name, int to, const base::CancelToken& cancel);

/// What unpack_tar_part takes of an archive: what is below `prefix` ("backup/container") and has one of the names
/// directly under it; all of it, the folder's own attributes too, where there are no names.
struct TarPart {
    std::string prefix;
    std::vector<std::string> names;
    /// A folder, which nobody changes, whose files are shared (FICLONE) with those that have the same path and content
    /// in the part, where the filesystem can; none when empty.
    std::string alike{};
};
/// As unpack_tar, for a part: its files land in the folder without the prefix, whose own attributes are left alone
/// where names are given. Hard links must stay within the part. Throws bad_request where nothing of it is there.
void unpack_tar_part(const std::string& file, const TarPart& part, const std::string& folder,
                     const base::CancelToken& cancel, const std::function<void(int percent)>& progress);

} // namespace storage
