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

/// A tree of files and where the journal of its change is, which is on no filesystem that somebody else writes to.
struct OwnedTree {
    std::string root;
    std::string journal;

    OwnedTree(std::string root_path, std::string journal_path)
        : root(std::move(root_path)), journal(std::move(journal_path)) {}
    /// Of a container's folder (Pools::container_path), with its rootfs in it.
    OwnedTree(const std::string& folder) // NOLINT(google-explicit-constructor): most trees are such
        : root(folder + "/rootfs"), journal(folder + "/owners.journal") {}
};

/// All or nothing: when it throws (what the
/// token throws, std::system_error, schema::Error), the files have the owners that they had. A crash leaves the
/// journal for undo_shift. On success the journal is there until forget_shift, so that the caller can note the
/// new map first. `progress` is called now and then with the number of files so far. Follows no link, and leaves out
/// what is mounted in the tree.
void shift_owners(const OwnedTree& tree, const IdShift& shift, const base::CancelToken& cancel,
                  const std::function<void(uint64_t files)>& progress);
void forget_shift(const OwnedTree& tree);

/// Whether a journal is there.
bool has_shift_journal(const OwnedTree& tree);
/// What the shift that left the journal aimed at. Throws where it cannot be read.
schema::IdMap aim_of_shift(const OwnedTree& tree);
/// Gives back the owners that the journal tells of, and forgets it. May itself be cut off and be called again.
void undo_shift(const OwnedTree& tree);

} // namespace storage
