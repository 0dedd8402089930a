#pragma once
// What `lxd init` configures, in the form of LXD's preseed: config, networks, storage_pools, profiles, projects. Made
// of YAML, options or answers, and laid over what a daemon has.

#include <string>

#include "schema/json.h"

namespace commands {

/// Throws bad_request `Failed to parse the preseed: ...`, also for what a preseed does not have.
schema::Json preseed_from_yaml(const std::string& text);
/// What a daemon has, as a preseed.
schema::Json preseed_of(const std::string& socket);
/// Makes what is missing and changes what is there, in this order; all or nothing, as far as the daemon takes it back.
void apply_preseed(const std::string& socket, const schema::Json& preseed);

} // namespace commands
