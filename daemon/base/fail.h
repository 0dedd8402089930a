#pragma once
// The end of what a system call refused. Callers: storage, instance.

#include <cerrno>
#include <string>
#include <system_error>

namespace base {

/// Throws std::system_error with errno and what was attempted ("Failed opening /x").
[[noreturn]] inline void fail(const std::string& attempt) {
    throw std::system_error(errno, std::generic_category(), attempt);
}

} // namespace base
