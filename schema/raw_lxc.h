#pragma once
// `raw.lxc`: lines of lxc.container.conf that users add. Read by the key's check and by the raw facet.

#include <string_view>
#include <vector>

#include "schema/lxc_item.h"

namespace schema {

/// The items in order, without comments and empty lines. Throws bad_request for a line that is no item and, with LXD's
/// texts, for items that the daemon owns.
std::vector<LxcItem> parse_raw_lxc(std::string_view text);

} // namespace schema
