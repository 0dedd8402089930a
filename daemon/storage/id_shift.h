#pragma once
// How the owners of a file change when its tree gets another id map; pure. Used by shift.cpp.

#include <cstdint>
#include <string>
#include <string_view>

#include "schema/id_map.h"

namespace storage {

/// From the map that a tree's files lie on disk with to the one that they shall have; empty: as seen inside.
struct IdShift {
    schema::IdMap from;
    schema::IdMap to;

    /// An id that the maps lack stays what it is inside. Throws failure where it would then be taken for another.
    uint32_t moved(schema::IdKind kind, uint32_t id) const;
    /// The value of system.posix_acl_access or system.posix_acl_default.
    std::string moved_acl(std::string_view value) const;
    /// The value of security.capability: it holds for the root of one user namespace.
    std::string moved_capability(std::string_view value) const;
};

} // namespace storage
