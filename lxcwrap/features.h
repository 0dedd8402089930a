#pragma once
// What the installed liblxc can do. Caller: the runtime, for the environment block and for checks.

#include <map>
#include <string>

namespace lxcwrap {

bool has_api_extension(const std::string& name);
/// The extensions of liblxc that LXD reports ("seccomp_notify" ...), as it has them.
std::map<std::string, bool> features();

} // namespace lxcwrap
