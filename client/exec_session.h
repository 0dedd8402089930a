#pragma once
// The streams of a running exec: this process's input, output, errors and signals on the one side, the operation's
// websockets on the other. Used by `lxc exec`.

#include "client/server.h"

namespace client {

struct ExecStreams {
    bool interactive = false;
    int input = -1; // -1: the program reads an empty input
};

/// Serves the streams until the program has ended and its output is through; returns the operation, failed or not.
schema::Json run_exec_session(Server& server, const Reply& started, const ExecStreams& streams);

} // namespace client
