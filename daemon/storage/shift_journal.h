#pragma once
// What files were before their tree's owners began to change: written down, and on disk, before each change. With it a
// change that a crash cut off is undone. Used by shift.cpp.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/storage/id_shift.h"

namespace storage {

struct OwnersBefore {
    uint64_t device = 0;
    uint64_t inode = 0;
    uint32_t uid = 0;
    uint32_t gid = 0;
    uint32_t mode = 0;
    std::vector<std::pair<std::string, std::string>> xattrs; // ACLs and capabilities

    bool operator==(const OwnersBefore&) const = default;
};

/// A batch as bytes, with a checksum: what a crash of the whole host tore is not taken for one.
std::string encoded(const std::vector<OwnersBefore>& batch);
/// Reads batches one after another; what follows a torn one was not begun.
std::vector<OwnersBefore> decoded(std::string_view batches);

class ShiftJournal {
public:
    /// Makes it. Throws std::system_error.
    ShiftJournal(const std::string& path, const IdShift& shift);
    /// Returns when it is on disk.
    void add(const std::vector<OwnersBefore>& batch);

private:
    base::Fd file_;
};

struct JournalContent {
    IdShift shift;
    std::vector<OwnersBefore> files;
};

/// Throws std::system_error or bad_request.
JournalContent read_journal(const std::string& path);

} // namespace storage
