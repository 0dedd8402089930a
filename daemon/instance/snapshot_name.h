#pragma once
// What a snapshot is called that nobody gave a name: by snapshots.pattern, of instances and volumes alike. Pure.

#include <string>
#include <vector>

#include "schema/timestamp.h"

namespace instance {

/// `pattern` is a template that knows creation_date; a %d in it becomes the number after the highest one in `taken`.
/// Without %d a taken name gets a number behind it. Throws schema::failure for a pattern that makes no name.
std::string next_snapshot_name(const std::string& pattern, schema::Time now, const std::vector<std::string>& taken);

} // namespace instance
