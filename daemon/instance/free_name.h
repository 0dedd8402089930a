#pragma once
// A name for an instance whose creator gave none: two words with a dash, as LXD does.

#include <functional>
#include <string>

namespace instance {

/// `taken` says whether a name is in use. Throws schema::failure after 100 tries.
std::string free_name(const std::function<bool(const std::string&)>& taken);

} // namespace instance
