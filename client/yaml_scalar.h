#pragma once
// One text as a YAML scalar in the style of Go's yaml package: plain where that reads back as the same text, else in
// the quotes it chooses. A part of yaml_out.

#include <string>
#include <string_view>

namespace client {

/// Where a node stands: it decides whether a map or list begins on the line it is on.
enum class Position { top, in_map, in_list };

/// A value. `indent` is the column of continuation lines, `column` where the value begins; without a newline at its
/// end.
std::string yaml_scalar(std::string_view text, int indent, int column);
/// A key: always on one line.
std::string yaml_key(std::string_view text);

} // namespace client
