#pragma once
// The host's hardware as `lxc info --resources` shows it.

#include <string>

#include "schema/json.h"

namespace client {

/// The answer of /1.0/resources as text. Pure.
std::string resources_text(const schema::Json& resources);

} // namespace client
