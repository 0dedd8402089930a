#pragma once
// raw.idmap: ranges of ids that a user lets through to an instance. Read for every map that is made.

#include <string_view>

#include "schema/id_map.h"

namespace schema {

/// Lines of `both|uid|gid HOST[-END] INSTANCE[-END]`. Throws bad_request with LXD's texts.
IdMap parse_raw_idmap(std::string_view text);

/// Puts an entry into a map, in place of what the map had there for ids of the instance. Throws bad_request where the
/// host's ids are the map's already: two ids of the instance would be one.
void punch(IdMap& map, const IdMapEntry& entry);

} // namespace schema
