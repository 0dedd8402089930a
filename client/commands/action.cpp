// lxc start, stop, restart and pause: changes of state, of one instance, of several at once or of all.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <thread>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/console_session.h"
#include "client/extensions.h"
#include "client/instances.h"
#include "client/progress.h"
#include "client/session.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag all_flag{"all", 0, FlagKind::toggle, "Run against all instances"};
constexpr Flag console_flag{"console", 0, FlagKind::text, "Attach to the console", "", "console"};
constexpr Flag force_flag{"force", 'f', FlagKind::toggle, "Do not wait for the instance to shut down"};
constexpr Flag timeout_flag{"timeout", 0, FlagKind::number, "Seconds to wait for the instance before it is killed",
                            "-1"};

constexpr Flag start_flags[] = {all_flag, console_flag, {"stateless", 0, FlagKind::toggle, "Ignore a stored state"}};
constexpr Flag stop_flags[] = {
    all_flag, console_flag, force_flag, {"stateful", 0, FlagKind::toggle, "Store the state"}, timeout_flag};
constexpr Flag restart_flags[] = {all_flag, console_flag, force_flag, timeout_flag};
constexpr Flag pause_flags[] = {all_flag};

constexpr size_t parallel_limit = 16;

/// What is asked of an instance's state. `command` is the word that the user typed.
struct Action {
    std::string command;
    bool force;
    bool stateful;
    bool stateless;
    int timeout;
    bool quiet;
    std::string console; // its kind, where this terminal is to be connected
};

std::string api_word(const Action& action) {
    return action.command == "pause" ? "freeze" : action.command;
}

Json state_request(const std::string& word, const Action& action, bool stateful) {
    auto request = Json::empty_object();
    request.set("action", word).set("timeout", action.timeout);
    return request.set("force", action.force).set("stateful", stateful);
}

void act(Server& server, const std::string& name, const Action& action, std::string_view shown_name) {
    auto word = api_word(action);
    bool stateful = action.stateful;
    if (word == "start") {
        const auto instance = server.get(instance_url(name)).metadata;
        if (instance["status_code"] == Json(110)) word = "unfreeze"; // Starting a paused instance lets it go on.
        stateful = word == "start" && instance["stateful"] == Json(true) && !action.stateless;
    }
    const auto reply = server.put(instance_url(name) + "/state", state_request(word, action, stateful));
    // What an instance writes while it stops is only to be seen before it has stopped.
    if (!action.console.empty() && word == "stop") return run_console(server, name, action.console);
    Progress progress("", action.quiet);
    try {
        server.wait(reply, &progress);
    } catch (const schema::Error& error) {
        progress.done();
        throw state_failure(error, shown_name);
    }
    progress.done();
    if (!action.console.empty()) run_console(server, name, action.console);
}

/// All instances of a server in one call.
void act_on_all(Server& server, const Action& action) {
    auto request = Json::empty_object();
    request.set("state", state_request(api_word(action), action, action.stateful));
    const auto reply = server.put("/1.0/instances", request);
    Progress progress("", action.quiet);
    server.wait(reply, &progress);
}

/// As act_on_all for servers without that call: the names of those that are not in the wanted state yet.
std::vector<std::string> affected(Server& server, const std::string& remote, const Action& action) {
    std::vector<std::string> names;
    const auto answer = server.get("/1.0/instances?recursion=1").metadata;
    if (!answer.is_array()) return names;
    for (const auto& instance : answer.as_array()) {
        const auto& code = instance["status_code"];
        if (action.command == "start" && code == Json(103)) continue;
        if (action.command == "stop" && code == Json(102)) continue;
        names.push_back(remote + ":" + instance["name"].as_string());
    }
    return names;
}

/// The names to act on one by one; what could be done at once has been done.
std::vector<std::string> do_all(Session& session, std::vector<std::string> remotes, const Action& action) {
    if (remotes.empty()) remotes.push_back(session.remotes().default_name() + ":");
    std::vector<std::string> names;
    for (const auto& remote : remotes) {
        auto resource = session.resource(remote);
        if (!resource.name.empty()) throw schema::bad_request("Both --all and instance name given");
        if (has_extension(resource.server, "instance_bulk_state_change")) {
            try {
                act_on_all(resource.server, action);
            } catch (const schema::Error& error) {
                throw schema::failure("{}: {}", resource.remote, error.what());
            }
            continue;
        }
        const auto found = affected(resource.server, resource.remote, action);
        names.insert(names.end(), found.begin(), found.end());
    }
    return names;
}

/// Several at once, each over a connection of its own; returns how many failed, having said why.
size_t act_on_each(Session& session, const std::vector<std::string>& names, const Action& action) {
    std::vector<std::string> errors(names.size());
    std::vector<std::thread> threads;
    const auto count = std::min(parallel_limit, names.size());
    threads.reserve(count);
    auto quiet = action;
    quiet.quiet = true; // Several progress lines would draw over each other.
    for (size_t first = 0; first < count; ++first) {
        threads.emplace_back([&, first] {
            for (size_t i = first; i < names.size(); i += count) {
                try {
                    const auto target = session.remotes().resolve(names[i]);
                    Server server(socket_path(session.remotes().get(target.remote)));
                    act(server, target.name, quiet, names[i]);
                } catch (const std::exception& error) {
                    errors[i] = error.what();
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    size_t failed = 0;
    for (size_t i = 0; i < names.size(); ++i) {
        if (errors[i].empty()) continue;
        ++failed;
        for (const auto& line : split("error: " + errors[i], '\n')) fmt::print(stderr, "{}: {}\n", names[i], line);
    }
    return failed;
}

void check_console(const Action& action, bool all, size_t names) {
    if (action.console.empty()) return;
    if (all) throw schema::bad_request("--console can't be used with --all");
    if (names > 1) throw schema::bad_request("--console only works with a single instance");
    if (action.command == "stop" && action.force) {
        throw schema::bad_request("--console can't be used while forcing instance shutdown");
    }
    check_console_type(action.console);
}

int run_action(Session& session, Call& call, std::string_view command) {
    const auto& flags = call.flags;
    const Action action{.command = std::string(command),
                        .force = flags.on("force"),
                        .stateful = flags.on("stateful"),
                        .stateless = flags.on("stateless"),
                        .timeout = flags.number("timeout"),
                        .quiet = session.quiet(),
                        .console = flags.text("console")};
    check_console(action, flags.on("all"), call.arguments.size());
    auto names = call.arguments;
    if (flags.on("all")) {
        names = do_all(session, call.arguments, action);
        if (names.empty()) return 0;
    } else if (names.empty()) {
        throw UsageWanted{};
    }
    for (const auto& name : names) {
        // Unknown remotes and missing names are complained about before anything is done.
        const auto resource = session.resource(name);
        if (resource.name.empty() && names.size() == 1) {
            throw schema::bad_request("Must supply instance name for: \"{}\"", name);
        }
    }
    if (names.size() == 1) {
        auto resource = session.resource(names[0]);
        act(resource.server, resource.name, action, names[0]);
        return 0;
    }
    if (act_on_each(session, names, action) == 0) return 0;
    fmt::print(stderr, "\n");
    throw schema::failure("Some instances failed to {}", command);
}

} // namespace

constinit const Command commands::start{
    .name = "start",
    .arguments = "[<remote>:]<instance> [[<remote>:]<instance>...]",
    .summary = "Start instances",
    .details = "A paused instance goes on where it was.",
    .examples = "lxc start c1 c2\n    Start two instances at once.",
    .flags = start_flags,
    .run = [](Session& session, Call& call) { return run_action(session, call, "start"); },
};

constinit const Command commands::stop{
    .name = "stop",
    .arguments = "[<remote>:]<instance> [[<remote>:]<instance>...]",
    .summary = "Stop instances",
    .examples = "lxc stop c1 --timeout 30\n"
                "    Ask c1 to shut down and give it half a minute.\n\n"
                "lxc stop --all --force\n"
                "    Stop everything at once.",
    .flags = stop_flags,
    .run = [](Session& session, Call& call) { return run_action(session, call, "stop"); },
};

constinit const Command commands::restart{
    .name = "restart",
    .arguments = "[<remote>:]<instance> [[<remote>:]<instance>...]",
    .summary = "Restart instances",
    .examples = "lxc restart -f c1\n    Stop c1 at once and start it again.",
    .flags = restart_flags,
    .run = [](Session& session, Call& call) { return run_action(session, call, "restart"); },
};

constinit const Command commands::pause{
    .name = "pause",
    .arguments = "[<remote>:]<instance> [[<remote>:]<instance>...]",
    .summary = "Pause instances",
    .details = "Their processes stand still until \"lxc start\".",
    .examples = "lxc pause c1\n    Freeze c1.",
    .flags = pause_flags,
    .run = [](Session& session, Call& call) { return run_action(session, call, "pause"); },
    .hidden = true,
};

} // namespace client
