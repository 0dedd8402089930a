#pragma once
// The daemon: builds the rooms in order, serves until it is told to end, and takes them down in reverse.

#include <functional>
#include <memory>
#include <string>

#include "daemon/base/log.h"
#include "daemon/instance/runtime.h"
#include "daemon/state/paths.h"

struct DaemonOptions {
    state::Paths paths;
    base::Log::Options log;
    std::string group; // that may use the unix socket; empty: root's
};

using MakeRuntime = std::function<std::unique_ptr<instance::Runtime>(const state::Paths&)>;

/// Runs until SIGTERM, SIGINT or SIGQUIT (containers go on), SIGPWR or a shutdown request (they are stopped first). The
/// process's exit code. Tests give a runtime of their own.
int run_daemon(const DaemonOptions& options, const MakeRuntime& make_runtime);
