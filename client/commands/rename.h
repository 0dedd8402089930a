#pragma once
// Renaming on one server, as `lxc rename` and `lxc move` do it.

#include <string>

#include "client/session.h"

namespace client {

/// An instance, or a snapshot ("c1/first" to "c1/second").
void rename_instance(const Resource& source, const std::string& wanted);

} // namespace client
