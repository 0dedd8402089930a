// lxc init: creates an instance from an image without starting it.

#include "client/commands/commands.h"
#include "client/commands/create.h"

namespace client {

namespace {

int run(Session& session, Call& call) {
    if (call.arguments.empty() && !call.flags.on("empty")) throw UsageWanted{};
    create_instance(session, call);
    return 0;
}

} // namespace

constinit const Command commands::init{
    .name = "init",
    .arguments = "[<remote>:]<image> [<remote>:][<name>]",
    .summary = "Create an instance without starting it",
    .details = "The instance is left stopped. Without a name, the server chooses one. Configuration in YAML is read\n"
               "from standard input when that is not a terminal.",
    .examples = "lxc init debian c1\n"
                "    Create c1 from the image with the alias \"debian\".\n\n"
                "lxc init debian c1 < config.yaml\n"
                "    The same with the configuration in config.yaml.",
    .flags = View<Flag>(launch_flags).without_first(),
    .most = 2,
    .run = run,
    .hidden = true,
};

} // namespace client
