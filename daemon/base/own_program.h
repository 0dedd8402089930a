#pragma once
// Where the project's own helper programs are. Callers: main, and whoever runs one.

#include <string>

namespace base {

/// The path of a helper: what an environment variable says (tests), beside this program, in `build_folder` below it (a
/// build folder), or installed.
std::string own_program(const std::string& name, const std::string& build_folder, const char* variable);

} // namespace base
