#pragma once
// YAML as LXD's client prints it (the style of Go's yaml package, version 2): two-space indentation, lists at their
// key's own column, quotes only where they are needed, long lines folded after column 80. Every command that prints
// YAML uses this.

#include <string>

#include "client/shapes.h"
#include "schema/json.h"

namespace client {

/// The value in block style with a newline at its end. `shape` says which texts are times and which nulls are empty
/// maps and lists; without one, the members of objects are sorted.
std::string yaml(const schema::Json& value, const Shape* shape = nullptr);

/// A number as Go prints a float64: 1e+06 for a million.
std::string go_number(double value);
/// The order that keys have in YAML maps: digits as numbers, letters last.
bool yaml_key_less(std::string_view a, std::string_view b);

} // namespace client
