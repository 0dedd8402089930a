#pragma once
// A command inside a container, run through `lxd-runner exec`. Caller: LiblxcRuntime.

#include "daemon/instance/runtime.h"

namespace instance {

/// `runner` is the runner's command line; its descriptors are set here. Returns when the command runs, or throws.
std::unique_ptr<ExecSession> start_exec(base::Command runner, const std::string& name, const ExecRequest& request);

} // namespace instance
