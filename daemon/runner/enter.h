#pragma once
// Going into a container without running anything of it. Callers: files, sftp, mount.

#include "schema/id_map.h"

namespace runner {

/// Joins the namespaces (but the pid one) of the process that `pidfd` stands for, as root of its user namespace. "/"
/// and the working folder are the container's afterwards. A container that shares our user namespace is joined without
/// it.
void enter_container(int pidfd);

/// Becomes root of a new user namespace with that map, for files that lie on disk with it; what is open stays so.
/// Nothing happens for an empty map.
void enter_user_namespace(const schema::IdMap& map);

} // namespace runner
