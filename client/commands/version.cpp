// lxc version: the versions of client and server.

#include "client/version.h"

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/session.h"
#include "schema/error.h"

namespace client {

namespace {

std::string server_version(Session& session, std::string remote) {
    if (!remote.empty() && !remote.ends_with(':')) remote += ':';
    try {
        const auto answer = session.resource(remote).server.get("/1.0").metadata;
        const auto& found = answer["environment"]["server_version"];
        return found.is_string() ? found.as_string() : "";
    } catch (const schema::Error&) {
        return "unreachable";
    }
}

int run(Session& session, Call& call) {
    print(fmt::format("Client version: {}\nServer version: {}\n", version,
                      server_version(session, call.arguments.empty() ? "" : call.arguments[0])));
    return 0;
}

} // namespace

constinit const Command commands::version{
    .name = "version",
    .arguments = "[<remote>:]",
    .summary = "Print the versions of client and server",
    .examples = "lxc version\n    \"unreachable\" in place of the server's says that it does not answer.",
    .most = 1,
    .run = run,
};

} // namespace client
