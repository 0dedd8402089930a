#pragma once
// URL-encoded `key=value&key=value`, as X-LXD-properties carries image properties.

#include <string_view>

#include "schema/config.h"

namespace images {

/// The first value of each key. Pairs with broken escapes are left out, as Go does. Several query strings may be joined
/// by
/// ", ", which no encoded one contains.
schema::Config parse_properties(std::string_view header);

} // namespace images
