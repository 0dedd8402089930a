#pragma once
// Gives the files of a container's root other owners, for maps of ids that the kernel cannot lay over a mount: owners
// and groups, POSIX ACLs and file capabilities; setuid bits stay. Called by instance before a start, with nobody else
// in the tree.

#include <cstdint>
#include <functional>
#include <string>

#include "daemon/base/cancel.h"
#include "daemon/storage/id_shift.h"

namespace storage {

/// `folder` is a volume's (Pools::container_path), with its rootfs in it. All or nothing: when it throws (what the
/// token throws, std::system_error, schema::Error), the files have the owners that they had. A crash leaves a journal
/// beside the root for undo_shift. On success the journal is there until forget_shift, so that the caller can note the
/// new map first. `progress` is called now and then with the number of files so far. Follows no link, and leaves out
/// what is mounted in the tree.
void shift_owners(const std::string& folder, const IdShift& shift, const base::CancelToken& cancel,
                  const std::function<void(uint64_t files)>& progress);
void forget_shift(const std::string& folder);

/// Whether a journal is there.
bool has_shift_journal(const std::string& folder);
/// What the shift that left the journal aimed at. Throws where it cannot be read.
schema::IdMap aim_of_shift(const std::string& folder);
/// Gives back the owners that the journal tells of, and forgets it. May itself be cut off and be called again.
void undo_shift(const std::string& folder);

} // namespace storage
