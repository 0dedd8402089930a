#pragma once
// The files that the daemon keeps of an instance outside its storage pool: logs, device nodes, the seccomp policy.
// Lifecycle removes them with the instance, and at the daemon's start what no instance owns any more.

#include <functional>
#include <string>

#include "daemon/state/paths.h"

namespace instance {

/// All of them.
void remove_own_files(const state::Paths& paths, const std::string& name);
/// What a start writes anew: after a rename the logs stay, under the new name.
void remove_start_files(const state::Paths& paths, const std::string& name);
/// What a start wrote for names that `is_known` denies: a crash left it. Logs stay: they may tell what happened.
void remove_strange_files(const state::Paths& paths, const std::function<bool(const std::string&)>& is_known);

} // namespace instance
