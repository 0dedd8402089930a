// lxc console: the terminal that an instance's init has, or what was written to it before.

#include "client/commands/commands.h"
#include "client/console_session.h"
#include "client/instances.h"
#include "client/session.h"
#include "schema/error.h"

namespace client {

namespace {

constexpr Flag flags[] = {
    {"show-log", 0, FlagKind::toggle, "Print what the console showed so far"},
    {"type", 't', FlagKind::text, "Kind of console: 'console' for the terminal, 'vga' for a graphical one", "console"},
};

std::string log_of(Server& server, const std::string& name) {
    const HttpRequest request{.target = instance_url(name) + "/console"};
    const auto response = server.connection().send(request);
    if (response.status != 200) throw_error(request, response);
    return response.body;
}

int run(Session& session, Call& call) {
    const auto type = call.flags.text("type");
    const bool show_log = call.flags.on("show-log");
    if (show_log && type == "vga") {
        throw schema::bad_request("The --show-log flag is only supported for by 'console' output type");
    }
    check_console_type(type, "output");
    const auto resource = session.resource(call.arguments[0]);
    if (show_log) {
        print(fmt::format("\nConsole log:\n\n{}\n", log_of(resource.server, resource.name)));
    } else {
        run_console(resource.server, resource.name, type);
    }
    return 0;
}

} // namespace

constinit const Command commands::console{
    .name = "console",
    .arguments = "[<remote>:]<instance>",
    .summary = "Connect to an instance's console",
    .details =
        "The console is where an instance's init writes while it starts, and where it lets one log in. The keys\n"
        "ctrl+a and then q leave it; ctrl+a twice sends ctrl+a.",
    .examples = "lxc console c1\n"
                "    Connect this terminal to c1's console.\n\n"
                "lxc console c1 --show-log\n"
                "    Print what c1's console has shown.",
    .flags = flags,
    .least = 1,
    .most = 1,
    .run = run,
};

} // namespace client
