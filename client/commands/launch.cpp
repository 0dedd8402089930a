// lxc launch: creates an instance from an image and starts it.

#include <cstdio>

#include "client/commands/commands.h"
#include "client/commands/create.h"
#include "client/console_session.h"
#include "client/instances.h"
#include "client/progress.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

int run(Session& session, Call& call) {
    const auto console = call.flags.text("console");
    if (!console.empty()) check_console_type(console);
    const auto created = create_instance(session, call);
    if (!session.quiet()) {
        print(fmt::format("Starting {}\n", created.name));
        std::fflush(stdout);
    }
    auto request = Json::empty_object();
    request.set("action", "start").set("timeout", -1).set("force", false).set("stateful", false);
    const auto reply = created.server.put(instance_url(created.name) + "/state", request);
    Progress progress("", session.quiet());
    try {
        created.server.wait(reply, &progress);
    } catch (const schema::Error& error) {
        throw state_failure(error, created.remote + ":" + created.name);
    }
    progress.done();
    if (!console.empty()) run_console(created.server, created.name, console);
    return 0;
}

} // namespace

constinit const Command commands::launch{
    .name = "launch",
    .arguments = "[<remote>:]<image> [<remote>:][<name>]",
    .summary = "Create an instance and start it",
    .details =
        "Without a name, the server chooses one. Configuration in YAML is read from standard input when that is\n"
        "not a terminal.",
    .examples = "lxc launch debian c1\n"
                "    Create and start c1 from the image with the alias \"debian\".\n\n"
                "lxc launch debian c1 -c limits.memory=512MiB -p default -p web\n"
                "    The same with a limit on its memory and two profiles.\n\n"
                "lxc launch debian c1 < config.yaml\n"
                "    The same with the configuration in config.yaml.",
    .flags = launch_flags,
    .least = 1,
    .most = 2,
    .run = run,
};

} // namespace client
