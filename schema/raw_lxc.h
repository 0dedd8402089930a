#pragma once
// `raw.lxc`: lines of lxc.container.conf that users add. Read by the key's check and by the raw facet.

#include <string_view>
#include <vector>

#include "schema/lxc_item.h"

namespace schema {

/// The items in order, without comments and empty lines; their origins are "raw.lxc line N". Throws bad_request, with
/// LXD's texts and the line's number, for a line that is no item and for items that the daemon owns.
std::vector<LxcItem> parse_raw_lxc(std::string_view text);

} // namespace schema
