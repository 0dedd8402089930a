#pragma once
// The seccomp policy of an instance, pure text. Lifecycle writes it to its path before each start; the confinement
// facet refers to it.

#include <optional>
#include <string>

#include "daemon/instance/facets/facet.h"
#include "daemon/state/paths.h"
#include "schema/config.h"

namespace instance {

/// LXD_DIR/security/seccomp/NAME.
inline std::string seccomp_policy_path(const state::Paths& paths, const std::string& name) {
    return paths.var + "/security/seccomp/" + name;
}

/// Whether system calls of the instance are to be sent to the daemon: some key asks for it, and the instance has a user
/// namespace (a privileged one needs no help, and within a user namespace the host's daemon gives it). Throws
/// bad_request where the kernel cannot do it.
bool wants_interception(const Subject& subject, const base::HostFacts& facts);

/// In liblxc's format, version 2 (raw.seccomp may be of version 1); nothing where the instance is to have no policy.
std::optional<std::string> seccomp_policy(const Subject& subject, const base::HostFacts& facts);

} // namespace instance
