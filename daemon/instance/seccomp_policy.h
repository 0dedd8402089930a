#pragma once
// The seccomp policy of an instance, pure text. Lifecycle writes it to its path before each start; the confinement
// facet refers to it.

#include <string>

#include "daemon/state/paths.h"
#include "schema/config.h"

namespace instance {

/// LXD_DIR/security/seccomp/NAME.
inline std::string seccomp_policy_path(const state::Paths& paths, const std::string& name) {
    return paths.var + "/security/seccomp/" + name;
}

/// In liblxc's format, version 2.
std::string seccomp_policy(const schema::Config& config);

} // namespace instance
