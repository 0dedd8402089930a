#pragma once
// Going into a container without running anything of it. Callers: files, mount.

namespace runner {

/// Joins the namespaces (but the pid one) of the process that `pidfd` stands for, as root of its user namespace. "/"
/// and the working folder are the container's afterwards. A container that shares our user namespace is joined without
/// it.
void enter_container(int pidfd);

} // namespace runner
