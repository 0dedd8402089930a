#pragma once
// linux.kernel_modules: loaded on the host before an instance starts.

#include <string_view>

namespace instance {

/// Loads each module of a comma-separated list. A kernel that cannot load modules has what it has. Throws
/// schema::failure naming the module.
void load_kernel_modules(std::string_view list);

} // namespace instance
