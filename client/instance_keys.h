#pragma once
// The configuration keys of instances, of whichever server: `lxc list` takes those that stock servers have too.

#include <string_view>

namespace client {

/// Does this daemon or LXD 5.0 have a key of that name?
bool is_instance_key(std::string_view key);

} // namespace client
