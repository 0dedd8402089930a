#pragma once
// A command inside a container, run through `lxd-runner exec`. Caller: LiblxcRuntime.

#include "daemon/instance/runtime.h"

namespace instance {

/// See Runtime::exec. `runner` is the runner's command line, for `spawn`; its descriptors are set here.
std::unique_ptr<ExecSession> start_exec(const std::function<base::Process(const base::Command&)>& spawn,
                                        base::Command runner, const std::string& name, const ExecRequest& request);

} // namespace instance
