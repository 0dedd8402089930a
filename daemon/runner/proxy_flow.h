#pragma once
// One direction of a connection that a proxy carries. Part of the proxy's relay.

#include <string>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/runner/proxy_pipe.h"

namespace runner {

enum class FlowState {
    waiting, // for one of the sockets
    more,    // stopped to let others have their turn
    ended,   // all of it has arrived
    failed,
};

/// Bytes from one stream to another, by splice.
class StreamFlow {
public:
    FlowState pump(int from, int to, PipePool& pool);

private:
    FlowState finish(int to, PipePool& pool);

    base::Pipe pipe_;
    size_t held_ = 0; // in the pipe
    bool ended_ = false;
};

/// Messages between sockets that are not both streams, and what unix sockets carry besides bytes.
class MessageFlow {
public:
    /// `datagrams`: what is read is to be sent as one; `rights`: descriptors are passed on.
    MessageFlow(bool to_datagrams, bool rights) : to_datagrams_(to_datagrams), rights_(rights) {}
    FlowState pump(int from, int to);

private:
    bool receive(int from, FlowState& state);
    bool send(int to, FlowState& state);

    bool to_datagrams_;
    bool rights_;
    std::string held_;
    std::vector<base::Fd> fds_;
    bool ended_ = false;
};

} // namespace runner
