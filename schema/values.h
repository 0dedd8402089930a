#pragma once
// Reading single configuration values: LXD's booleans and integers. Used by the key tables, facets and devices.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace schema {

/// true, yes, 1 or on, in any case.
bool is_true(std::string_view value) noexcept;
/// false, no, 0 or off, in any case. An unset (empty) value is neither true nor false.
bool is_false(std::string_view value) noexcept;
/// A decimal number that fills the whole text and fits (a sign is allowed); nothing otherwise.
std::optional<int64_t> parse_integer(std::string_view text) noexcept;
/// The parts between separators; empty parts are kept, an empty text is one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
/// Without spaces, tabs and line ends on both sides.
std::string_view stripped(std::string_view text) noexcept;
/// In double quotes with Go's escapes, as LXD's messages show values (%q).
std::string quoted(std::string_view text);

} // namespace schema
