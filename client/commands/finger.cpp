// lxc finger: does a server answer? Nothing is printed when it does.

#include "client/commands/commands.h"
#include "client/session.h"

namespace client {

namespace {

int run(Session& session, Call& call) {
    session.resource(call.arguments.empty() ? "" : call.arguments[0]).server.get("/1.0");
    return 0;
}

} // namespace

constinit const Command commands::finger{
    .name = "finger",
    .arguments = "[<remote>:]",
    .summary = "Check that a server answers",
    .examples = "lxc finger && echo \"The daemon is there\"\n    Do something if the local server answers.",
    .most = 1,
    .run = run,
    .hidden = true,
};

} // namespace client
