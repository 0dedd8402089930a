// lxc exec: runs a program in an instance, with this terminal or these files as its own.

#include <cstdlib>
#include <optional>

#include <unistd.h>

#include "client/commands/commands.h"
#include "client/exec_session.h"
#include "client/instances.h"
#include "client/session.h"
#include "client/target.h"
#include "client/terminal.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag flags[] = {
    {"cwd", 0, FlagKind::text, "Folder to run the command in (default /root)"},
    {"disable-stdin", 'n', FlagKind::toggle, "Give the command no input"},
    {"env", 0, FlagKind::texts, "Environment variable to set, NAME=value"},
    {"force-interactive", 't', FlagKind::toggle, "Run the command on a terminal of its own"},
    {"force-noninteractive", 'T', FlagKind::toggle, "Run the command without a terminal"},
    {"group", 0, FlagKind::id, "Group id to run the command as (default 0)", "0"},
    {"mode", 0, FlagKind::text, "Terminal mode (auto, interactive or non-interactive)", "auto"},
    {"user", 0, FlagKind::id, "User id to run the command as (default 0)", "0"},
};

bool wants_terminal(const FlagValues& chosen) {
    const bool force = chosen.on("force-interactive");
    const bool forbid = chosen.on("force-noninteractive");
    const auto mode = chosen.text("mode");
    if (force && forbid) throw schema::bad_request("You can't pass -t and -T at the same time");
    if (mode != "auto" && (force || forbid)) {
        throw schema::bad_request("You can't pass -t or -T at the same time as --mode");
    }
    if (chosen.on("disable-stdin")) return false;
    if (mode == "interactive" || force) return true;
    if (mode == "non-interactive" || forbid) return false;
    return is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO);
}

Json environment(const FlagValues& chosen) {
    auto variables = Json::empty_object();
    if (const char* terminal = std::getenv("TERM"); terminal != nullptr) variables.set("TERM", terminal);
    for (const auto& entry : chosen.texts("env")) {
        std::string name = entry;
        std::string value;
        split_pair(entry, name, value);
        variables.set(name, value);
    }
    return variables;
}

int64_t id(const FlagValues& chosen, std::string_view name) {
    return std::stoll(chosen.text(name));
}

int run(Session& session, Call& call) {
    const auto& chosen = call.flags;
    const bool interactive = wants_terminal(chosen);
    auto resource = session.resource(call.arguments[0]);

    std::optional<RawMode> raw;
    if (interactive && is_terminal(STDIN_FILENO)) raw.emplace(STDIN_FILENO);
    const auto size = terminal_size(STDOUT_FILENO).value_or(TerminalSize{0, 0});

    auto request = Json::empty_object();
    request.set("command", std::vector<std::string>(call.arguments.begin() + 1, call.arguments.end()));
    request.set("wait-for-websocket", true).set("interactive", interactive).set("environment", environment(chosen));
    request.set("width", size.columns).set("height", size.rows).set("record-output", false);
    request.set("user", id(chosen, "user")).set("group", id(chosen, "group")).set("cwd", chosen.text("cwd"));
    const auto reply = resource.server.post(instance_url(resource.name) + "/exec", request);

    const int input = chosen.on("disable-stdin") ? -1 : STDIN_FILENO;
    const auto operation = run_exec_session(resource.server, reply, {.interactive = interactive, .input = input});

    const auto& result = operation["metadata"]["return"];
    const int code = result.is_integer() ? static_cast<int>(result.as_integer()) : 0;
    const auto& error = operation["err"];
    if (error.is_string() && !error.as_string().empty()) {
        raw.reset();
        throw ExitWithError(error.as_string(), code == 0 ? 1 : code);
    }
    return code;
}

} // namespace

constinit const Command commands::exec{
    .name = "exec",
    .arguments = "[<remote>:]<instance> [flags] [--] <command line>",
    .summary = "Run a command in an instance",
    .details =
        "The command is run as it is, not by a shell: patterns, variables and redirections need one of their own.\n"
        "\n"
        "It gets a terminal when standard input and output are terminals; -t and -T decide otherwise. Its exit\n"
        "code becomes that of lxc, and signals are passed on to it.",
    .examples = "lxc exec c1 -- sh -c \"cd /tmp && pwd\"\n"
                "    Run a shell command in c1.\n\n"
                "tar c . | lxc exec c1 --cwd /srv -- tar x\n"
                "    Copy this folder's content into c1.",
    .flags = flags,
    .least = 2,
    .run = run,
};

} // namespace client
