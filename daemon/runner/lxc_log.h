#pragma once
// liblxc's log file as words for people. Callers: the runner's verbs.

#include <string>
#include <string_view>

namespace runner {

/// The messages of the ERROR lines, one a line, without the time and the place in liblxc's sources.
std::string error_messages(std::string_view log);

} // namespace runner
