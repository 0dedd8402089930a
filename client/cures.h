#pragma once
// What a user can do about an error. Shown below it on a terminal; scripts get the error alone.

#include <string>
#include <string_view>

namespace client {

/// A line on what to do, or an empty text where nothing is known. Looks at the machine only for an error of the
/// server's socket.
std::string cure_for(std::string_view error);

/// Prints "Error: ..." to standard error, at a terminal with what can be done: `cure` where the caller knows.
void print_error(std::string_view error, std::string_view cure = {});

} // namespace client
