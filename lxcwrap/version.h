#pragma once
// The version of the liblxc in use: "5.0.2".

#include <string>

namespace lxcwrap {

std::string version();

} // namespace lxcwrap
